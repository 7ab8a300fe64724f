//! A real Chromium, led through its driver (the protocol of the W3C, and Chromium's own commands for what that
//! lacks).
//!
//! It speaks to this machine alone: every other name is none.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use transhume_testkit::encode::unbase64;

/// How long something may take that a page does by itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// How an element is called in what the driver says (`WebDriver`, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) name: &'static str,
    width: u32,
    scheme: &'static str,
}

/// A desk by day, a desk by night, a telephone.
pub(crate) const LOOKS: [Look; 3] = [
    Look {
        name: "light",
        width: 1200,
        scheme: "light",
    },
    Look {
        name: "dark",
        width: 1200,
        scheme: "dark",
    },
    Look {
        name: "narrow",
        width: 390,
        scheme: "light",
    },
];

pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    site: String,
    /// What it remembers, until it ends.
    profile: TempDir,
}

impl Browser {
    /// Starts it, before the pages of `site`.
    pub(crate) fn start(site: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs (“cargo xtask test” installs it)");
        let port = port_of(&mut driver);
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            site: site.to_owned(),
            profile,
        };
        let data = format!("--user-data-dir={}", browser.profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            &data,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = browser.ask("POST", "/session", &wanted);
        session["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut browser.session);
        browser.look(LOOKS[0]);
        browser
    }

    /// Opens a page, by its path.
    pub(crate) fn open(&self, path: &str) {
        let url = format!("{}{path}", self.site);
        self.command("/url", &json!({ "url": url }));
    }

    /// The path of the page that is open, with what it asks.
    pub(crate) fn path(&self) -> String {
        let script = "return location.pathname + location.search";
        self.script(script).as_str().unwrap().to_owned()
    }

    /// What is written on the page, or on a part of it.
    pub(crate) fn text(&self, css: &str) -> String {
        let script =
            "const found = document.querySelector(arguments[0]); return found ? found.innerText : ''";
        self.script_with(script, &json!([css]))
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// How many there are.
    pub(crate) fn count(&self, css: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        self.script_with(script, &json!([css])).as_u64().unwrap()
    }

    /// Clicks, as a person does, on what leads to another page, or to this one anew.
    pub(crate) fn click(&self, css: &str) {
        let element = self.element(css);
        self.leave_by(&element);
    }

    /// Clicks on what changes something on this page.
    pub(crate) fn touch(&self, css: &str) {
        let element = self.element(css);
        self.command(&format!("/element/{element}/click"), &json!({}));
    }

    /// Clicks the button or link that says so, which leads to another page, or to this one anew.
    pub(crate) fn press(&self, says: &str) {
        let element = self.saying(says);
        self.leave_by(&element);
    }

    /// Clicks the button that says so, and is asked whether that is meant.
    pub(crate) fn press_and_be_asked(&self, says: &str) {
        let element = self.saying(says);
        self.command(&format!("/element/{element}/click"), &json!({}));
        self.wait("the question", |browser| browser.count("dialog[open]") == 1);
    }

    fn saying(&self, says: &str) -> String {
        let script = "return [...document.querySelectorAll('button, a')].find((one) => one.checkVisibility() && \
                      !one.ariaHidden && (one.innerText.replace(/\\s+/g, ' ').trim() === arguments[0] || one.ariaLabel === arguments[0])) ?? null";
        let found = self.script_with(script, &json!([says]));
        let element = found[ELEMENT].as_str();
        let element =
            element.unwrap_or_else(|| panic!("nothing to press says “{says}”:\n{}", self.text("body")));
        element.to_owned()
    }

    /// Clicks, and waits until another page is there: this one was marked before.
    fn leave_by(&self, element: &str) {
        self.script("window.isLeft = true");
        self.command(&format!("/element/{element}/click"), &json!({}));
        self.wait("another page", |browser| {
            browser.script("return !window.isLeft && document.readyState === 'complete'") == true
        });
    }

    /// Writes into a field, by its name, instead of what was in it. Files are named by their path.
    pub(crate) fn fill(&self, name: &str, text: &str) {
        let element = self.element(&format!("[name='{name}']"));
        let kind = self.script_with("return arguments[0].type", &json!([{ ELEMENT: element.clone() }]));
        match kind.as_str().unwrap() {
            "file" => {}
            "select-one" => {
                let choose = "arguments[0].value = arguments[1]; \
                              arguments[0].dispatchEvent(new Event('change', {bubbles: true}))";
                self.script_with(choose, &json!([{ ELEMENT: element }, text]));
                return;
            }
            _ => {
                self.command(&format!("/element/{element}/clear"), &json!({}));
            }
        }
        if !text.is_empty() {
            let keys = json!({ "text": text });
            self.command(&format!("/element/{element}/value"), &keys);
        }
    }

    /// Puts a switch, by its name, where it is to be.
    pub(crate) fn switch(&self, name: &str, on: bool) {
        let css = format!("[name='{name}']");
        let script = "return document.querySelector(arguments[0]).checked";
        if self.script_with(script, &json!([css])) != json!(on) {
            self.touch(&css);
        }
    }

    /// Waits until something is written on the page, or on a part of it; without asking for the page anew.
    pub(crate) fn wait_for(&self, css: &str, text: &str) {
        self.wait(&format!("“{text}” in {css}"), |browser| {
            browser.text(css).contains(text)
        });
    }

    /// Waits until something holds.
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what} on {}:\n{}",
                self.path(),
                self.text("body")
            );
        }
    }

    /// Runs a script on the page.
    pub(crate) fn script(&self, script: &str) -> Value {
        self.script_with(script, &json!([]))
    }

    pub(crate) fn script_with(&self, script: &str, arguments: &Value) -> Value {
        let asked = json!({ "script": script, "args": arguments });
        self.command("/execute/sync", &asked)
    }

    /// Runs a script that says by its last argument, a function, what it has come to.
    pub(crate) fn script_that_waits(&self, script: &str) -> Value {
        let asked = json!({ "script": script, "args": [] });
        self.command("/execute/async", &asked)
    }

    /// Looks at pages in this way from now on.
    pub(crate) fn look(&self, look: Look) {
        let features = json!([{ "name": "prefers-color-scheme", "value": look.scheme }]);
        self.chromium("Emulation.setEmulatedMedia", &json!({ "features": features }));
        let size = json!({ "width": look.width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.chromium("Emulation.setDeviceMetricsOverride", &size);
    }

    /// A picture of the page (`WebP`), down to two screens.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let size = self.script("return [innerWidth, document.documentElement.scrollHeight]");
        let (width, height) = (size[0].as_u64().unwrap(), size[1].as_u64().unwrap());
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height.clamp(300, 1600), "scale": 1 });
        let asked = json!({ "format": "webp", "quality": 50, "clip": clip, "captureBeyondViewport": true });
        let taken = self.chromium("Page.captureScreenshot", &asked);
        unbase64(taken["data"].as_str().unwrap()).unwrap()
    }

    /// What the browser complains about: scripts that fail, what the content policy has stopped.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let said = self.command("/se/log", &json!({ "type": "browser" }));
        // Advice is no complaint.
        let lines = said.as_array().unwrap().iter();
        let grave = lines.filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING");
        let texts = grave.map(|line| line["message"].as_str().unwrap().to_owned());
        // Answers that say what was wrong with a form are no failures.
        texts.filter(|text| !text.contains("status of 4")).collect()
    }

    /// From now on pages run no script. What asks them by one cannot be used then.
    pub(crate) fn without_script(&self) {
        self.chromium("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// The page that is open, as it was sent.
    pub(crate) fn source(&self) -> String {
        let source = self.ask("GET", &format!("/session/{}/source", self.session), &Value::Null);
        source.as_str().unwrap().to_owned()
    }

    /// Writes into an empty field, by its name; without script.
    pub(crate) fn type_into(&self, name: &str, text: &str) {
        let element = self.plain_element(&format!("[name='{name}']"));
        self.command(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Clicks, and waits for a page that says something; without script.
    pub(crate) fn follow(&self, css: &str, says: &str) {
        let element = self.plain_element(css);
        self.command(&format!("/element/{element}/click"), &json!({}));
        let deadline = Instant::now() + PATIENCE;
        while !self.source().contains(says) {
            assert!(
                Instant::now() < deadline,
                "waited in vain for “{says}”:
{}",
                self.source()
            );
        }
    }

    fn plain_element(&self, css: &str) -> String {
        let asked = json!({ "using": "css selector", "value": css });
        let found = self.command("/element", &asked);
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    fn chromium(&self, command: &str, parameters: &Value) -> Value {
        let asked = json!({ "cmd": command, "params": parameters });
        self.command("/goog/cdp/execute", &asked)
    }

    fn element(&self, css: &str) -> String {
        let script = "return [...document.querySelectorAll(arguments[0])].find((one) => one.type !== 'hidden') ?? null";
        let found = self.script_with(script, &json!([css]));
        let element = found[ELEMENT].as_str();
        element
            .unwrap_or_else(|| panic!("there is no {css} on {}:\n{}", self.path(), self.text("body")))
            .to_owned()
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}{path}", self.session), body)
    }

    /// Asks the driver; what it says.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        // The driver leaves the connection open, whatever it is asked.
        let mut lines = BufReader::new(stream);
        let (mut status, mut line, mut length) = (String::new(), String::new(), 0);
        lines.read_line(&mut status).unwrap();
        while lines.read_line(&mut line).unwrap() > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut text = vec![0; length];
        lines.read_exact(&mut text).unwrap();
        let said: Value = serde_json::from_slice(&text).unwrap_or(Value::Null);
        assert!(status.contains(" 200 "), "{method} {path}: {said:#}");
        said["value"].clone()
    }
}

/// The port that the driver says it listens at.
fn port_of(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // What it says later must not fill a pipe that nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("the driver says at which port it listens")
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            let path = format!("/session/{}", self.session);
            self.ask("DELETE", &path, &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
