//! Programs that need root.

use std::process::Command;

/// Runs a program as root: itself if the test is, otherwise by sudo, as `.ci/test` does.
pub(crate) fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
