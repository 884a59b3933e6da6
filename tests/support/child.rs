//! Tests that need a process of their own: this binary again, with just one of its tests.

use std::process::Command;

/// Set for a test that runs in a process of its own.
const ALONE: &str = "TOWER_HEALTH_TEST_ALONE";

/// Whether the calling test has this process to itself. If not, this runs the test in another
/// process and panics if it fails there; the caller has nothing left to do.
///
/// For tests that measure or signal the process they are in. `module` is `module_path!()`, and
/// `name` is the function.
pub(crate) fn is_alone(module: &str, name: &str) -> bool {
    if is_child() {
        return true;
    }
    passes(module, name);
    false
}

/// Whether this process runs one test of its own.
pub(crate) fn is_child() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// Runs this test in a process of its own, where it has to pass.
pub(crate) fn passes(module: &str, name: &str) {
    let child = command(module, name).output().unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    // No test at all would be a success as well.
    let has_passed = child.status.success() && output.contains("1 passed");
    assert!(has_passed, "{output}\n{errors}");
}

/// The command that runs this test, and no other.
pub(crate) fn command(module: &str, name: &str) -> Command {
    // The harness leaves the name of the binary out.
    let (_, folders) = module.split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--include-ignored", "--nocapture"]);
    command.arg(format!("{folders}::{name}"));
    command.env(ALONE, "1");
    command
}
