//! `cargo xtask test` and `cargo xtask ci`.

use std::process::Command;

use crate::cargo::{self, Workspace};
use crate::steps::Steps;
use crate::tidy;

/// Runs every test; `filter` goes to cargo test.
pub(crate) fn test(filter: &[&str]) -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    let mut steps = Steps::default();
    test_steps(&workspace, filter, &mut steps)?;
    Ok(steps.finish())
}

/// Everything that a change must pass. A failing step does not hide what the next ones have to say.
pub(crate) fn ci() -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    let mut steps = Steps::default();
    steps.command("format", in_root(&workspace).args(["fmt", "--all", "--check"]))?;
    steps.command(
        "clippy",
        in_root(&workspace).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    steps.step("tidy", tidy::run)?;
    test_steps(&workspace, &[], &mut steps)?;
    Ok(steps.finish())
}

fn test_steps(workspace: &Workspace, filter: &[&str], steps: &mut Steps) -> anyhow::Result<()> {
    install(steps)?;
    unpack(steps)?;
    if !build(workspace, steps)? {
        return Ok(());
    }
    // Every failure is wanted, not only those of the first crate that has one.
    steps.command(
        "cargo test",
        in_root(workspace)
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(filter)
            .env("TRANSHUME_BIN", workspace.binary()),
    )?;
    Ok(())
}

/// Installs the real servers that the tests need.
pub(crate) fn install(steps: &mut Steps) -> anyhow::Result<()> {
    let missing = transhume_testkit::missing_packages();
    if missing.is_empty() {
        return Ok(());
    }
    steps.step(&format!("install {}", missing.join(" ")), || {
        transhume_testkit::install_missing()?;
        Ok(true)
    })?;
    Ok(())
}

/// Unpacks the real servers that cannot be installed beside Dovecot, what asks the API, and what looks at pages.
fn unpack(steps: &mut Steps) -> anyhow::Result<()> {
    let missing = transhume_testkit::missing_servers()?;
    if !missing.is_empty() {
        steps.step(&format!("unpack {}", missing.join(" ")), || {
            transhume_testkit::unpack_missing()?;
            Ok(true)
        })?;
    }
    if transhume_testkit::axe().is_err() {
        steps.step("install axe-core", || {
            transhume_testkit::install_axe()?;
            Ok(true)
        })?;
    }
    if transhume_testkit::schemathesis().is_err() {
        steps.step("install schemathesis", || {
            transhume_testkit::install_schemathesis()?;
            Ok(true)
        })?;
    }
    Ok(())
}

/// Builds the binary as it is shipped.
pub(crate) fn build(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<bool> {
    steps.command(
        "release build",
        in_root(workspace).args(["build", "--release", "--package", "transhume"]),
    )
}

fn in_root(workspace: &Workspace) -> Command {
    let mut command = cargo::command();
    command.current_dir(&workspace.root);
    command
}
