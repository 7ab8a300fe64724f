//! Every page, looked at: by axe-core, which knows what keeps people from using one; by its weight; and by whoever reads
//! `docs/console`, for whom pictures are taken where `TRANSHUME_PICTURES` names a folder.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use transhume_testkit::axe;

use crate::browser::{Browser, LOOKS};

/// The most octets of a page, and of a picture.
const MOST: usize = 100_000;

pub(crate) struct Gallery {
    axe: String,
    pictures: Option<PathBuf>,
    shown: RefCell<BTreeSet<&'static str>>,
}

impl Gallery {
    pub(crate) fn new() -> Self {
        let script = axe().expect("“cargo xtask test” installs axe-core");
        Self {
            axe: fs::read_to_string(script).unwrap(),
            pictures: std::env::var_os("TRANSHUME_PICTURES").map(PathBuf::from),
            shown: RefCell::default(),
        }
    }

    /// Looks at the page that is open: by day, by night, on a telephone.
    pub(crate) fn show(&self, browser: &Browser, name: &'static str) {
        assert!(self.shown.borrow_mut().insert(name), "{name} is shown twice");
        weigh(browser, name);
        for look in LOOKS {
            browser.look(look);
            self.examine(browser, name, look.name);
            self.picture(browser, name, look.name);
            let wider = "return document.documentElement.scrollWidth - innerWidth";
            let wider = browser.script(wider).as_i64().unwrap();
            assert!(
                wider <= 0,
                "{name} is {wider} pixels wider than the screen ({})",
                look.name
            );
        }
        browser.look(LOOKS[0]);
    }

    /// The same, without turning it over: what has come up may go away.
    pub(crate) fn show_as_it_is(&self, browser: &Browser, name: &'static str) {
        self.examine(browser, name, LOOKS[0].name);
        self.picture(browser, name, LOOKS[0].name);
    }

    fn examine(&self, browser: &Browser, name: &str, look: &str) {
        // Handed over by the driver: the page's own policy forbids it to load anything of the kind.
        if browser.script("return typeof window.axe") != "object" {
            browser.script(&self.axe);
        }
        let found = browser.script_that_waits(
            "const done = arguments[arguments.length - 1]; \
             axe.run({resultTypes: ['violations']}).then((found) => done(found.violations), (error) => done(String(error)))",
        );
        let violations = found.as_array().unwrap_or_else(|| panic!("{name}: {found}"));
        let grave = violations
            .iter()
            .filter(|one| matches!(one["impact"].as_str(), Some("serious" | "critical")));
        let told: Vec<String> = grave.map(told).collect();
        assert!(told.is_empty(), "{name} ({look}):\n{}", told.join("\n"));
    }

    fn picture(&self, browser: &Browser, name: &str, look: &str) {
        let Some(folder) = &self.pictures else { return };
        let picture = browser.picture();
        assert!(
            picture.len() < MOST,
            "the picture of {name} ({look}) has {} octets",
            picture.len()
        );
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(format!("{name}-{look}.webp")), picture).unwrap();
    }
}

/// A page is small.
fn weigh(browser: &Browser, name: &str) {
    let kept = "return document.documentElement.outerHTML.length";
    let octets = browser.script(kept).as_u64().unwrap();
    assert!(octets < MOST as u64, "{name} weighs {octets} octets");
}

fn told(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let places: Vec<String> = nodes
        .map(|node| {
            format!(
                "{} {}",
                node["target"],
                node["failureSummary"].as_str().unwrap_or_default()
            )
        })
        .collect();
    format!(
        "{}: {}\n  {}",
        violation["id"],
        violation["help"],
        places.join("\n  ")
    )
}
