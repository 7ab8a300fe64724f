//! `cargo xtask bench`: what copying and updating cost, beside other programs and the physical limit, here and far away;
//! and whether time and memory stay what they are when a mailbox is large.
//!
//! All programs run against the same source server, one after another, over plain IMAP on the loopback.

mod aims;
mod change;
mod console;
mod corpus;
mod directory;
pub(crate) mod floor;
mod load;
mod options;
mod peers;
mod plot;
mod process;
mod report;
mod results;
mod scale;
mod sections;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::json;
use transhume_testkit::Dovecot;

use crate::cargo::{self, Workspace};
use crate::ci;
use crate::interrupt::Interrupt;
use crate::steps::Steps;
use aims::Aim;
pub(crate) use options::Options;
use sections::Bench;

/// The password of all accounts, of servers that live for minutes and listen on the loopback only.
const PASSWORD: &str = "bench";

/// Installs and builds what is needed, and becomes the optimised build of this program: what serves, delays and counts
/// must not be what is waited for.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<bool> {
    if words.iter().any(|word| ["--help", "-h"].contains(word)) {
        print!("{}", options::HELP);
        return Ok(true);
    }
    let options = Options::parse(words)?;
    let workspace = Workspace::read()?;
    let mut steps = Steps::default();
    ci::install(&mut steps)?;
    if options.console {
        return console::measure(&workspace, &mut steps);
    }
    let missing = peers::missing(&options.contenders)?;
    if !options.scale && !options.directory && !missing.is_empty() {
        let name = format!("install {}", missing.join(" "));
        if !steps.step(&name, || peers::install(&missing))? {
            bail!("install them yourself, or leave them out with --programs");
        }
    }
    let built = steps.command(
        "release build",
        cargo::command().current_dir(&workspace.root).args([
            "build",
            "--release",
            "--package",
            "transhume",
            "--package",
            "xtask",
        ]),
    )?;
    if !built {
        return Ok(false);
    }
    let program = workspace.target.join("release").join("xtask");
    let error = Command::new(&program).arg("measure").args(words).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}

/// Measures, prints, and writes the files that were asked for. Everything else that was written is removed at the end.
pub(crate) fn measure(options: &Options) -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    // Ctrl-C ends the program that is being measured, and everything is cleared away by the ordinary way out.
    let interrupt = Interrupt::watch()?;
    let interrupted = interrupt.flag();
    // Not the system's folder for temporary files, which may lie in memory.
    let folder = tempfile::Builder::new()
        .prefix("transhume-bench-")
        .tempdir_in("/var/tmp")
        .context("a folder below /var/tmp")?;
    allow_everybody_in(folder.path())?;
    let (mut sections, mut scale, mut imports) = (Vec::new(), None, None);
    let aims;
    if options.directory {
        let result = directory::measure(options, &workspace, folder.path(), &interrupted)?;
        aims = result.aims();
        print!("\n{}", result.text());
        imports = Some(result.json());
    } else if options.scale {
        let result = scale::measure(options, &workspace, folder.path(), &interrupted)?;
        aims = result.aims();
        print!("\n{}", result.text());
        scale = Some(result.json());
    } else {
        let old = server(folder.path(), "old", options)?;
        let new = server(folder.path(), "new", options)?;
        let bench = Bench {
            options,
            workspace: &workspace,
            old: &old,
            new: &new,
            folder: folder.path(),
            interrupted: &interrupted,
        };
        let chosen = options.sections.iter();
        sections = chosen
            .map(|&section| bench.section(section))
            .collect::<anyhow::Result<Vec<_>>>()?;
        aims = aims::check(&sections);
        print!("\n{}", report::text(&sections));
    }
    print!("\n{}", aims::text(&aims));
    if let Some(path) = &options.json {
        let everything = json!({
            "processors": report::processors(),
            "options": options.json(),
            "sections": sections.iter().map(results::SectionResult::json).collect::<Vec<_>>(),
            "scale": scale,
            "directory": imports,
            "aims": aims.iter().map(Aim::json).collect::<Vec<_>>(),
        });
        write(path, &format!("{everything:#}\n"))?;
    }
    if let Some(path) = &options.svg {
        match plot::svg(&sections) {
            Some(svg) => write(path, &svg)?,
            None => eprintln!("no picture: it shows first copies beside the floor, and there is none"),
        }
    }
    eprintln!("\nclearing away");
    Ok(true)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    eprintln!("\nwrote {}", path.display());
    Ok(())
}

/// A server that knows the accounts of all sections.
fn server(folder: &Path, name: &str, options: &Options) -> anyhow::Result<Dovecot> {
    let mut builder = Dovecot::builder().dir(&folder.join(name)).separator('/');
    for &section in &options.sections {
        for user in corpus::users(section, options.messages()) {
            builder = builder.user(&user, PASSWORD);
        }
    }
    Ok(builder.start()?)
}

/// Servers drop their privileges, and must still reach their folders.
fn allow_everybody_in(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("opening {}", folder.display()))
}
