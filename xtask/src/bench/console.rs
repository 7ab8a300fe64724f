//! What the console costs: pages of ten thousand migrations, and two hundred pages that follow them. It is measured by the
//! tests that hold it to its aims (`crates/web/tests/many.rs`), in a release build, and printed.

use crate::cargo::{self, Workspace};
use crate::steps::Steps;

/// Builds and runs them.
pub(super) fn measure(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<bool> {
    let mut command = cargo::command();
    command.current_dir(&workspace.root).args([
        "test",
        "--release",
        "--package",
        "transhume-web",
        "--test",
        "many",
        "--",
        "--nocapture",
        "--test-threads=1",
    ]);
    steps.command("the console", &mut command)
}
