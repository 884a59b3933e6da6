//! Whom Postgres runs as.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::process;

/// Postgres refuses to run as root.
pub(super) fn unprivileged(program: &str) -> Command {
    let mut command = process::command(program);
    if let Some((user, group)) = account() {
        command.uid(user).gid(group).current_dir("/");
    }
    command
}

pub(super) fn own(path: &Path) {
    if let Some((user, group)) = account() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// Whom the server runs as; `None` to stay who we are.
fn account() -> Option<(u32, u32)> {
    rustix::process::geteuid().is_root().then(|| {
        let id = |kind| {
            let output = Command::new("id")
                .args([kind, "postgres"])
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.trim().parse().unwrap()
        };
        (id("-u"), id("-g"))
    })
}
