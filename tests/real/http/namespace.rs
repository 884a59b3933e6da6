//! Tests in namespaces of their own, with a network of their own and their own `/etc/hosts` and
//! `/etc/resolv.conf`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::child;

/// Set to the folder with the files, which the child may rewrite.
const FILES: &str = "TOWER_HEALTH_FILES";

/// Runs this test again in its own namespaces, where it has to pass; there, returns the folder of its
/// files `hosts` and `resolv.conf`.
pub(super) fn enter(module: &str, name: &str, hosts: &str) -> Option<PathBuf> {
    if let Some(files) = std::env::var_os(FILES) {
        return Some(files.into());
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "hosts", hosts);
    let resolver = "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n";
    write(folder.path(), "resolv.conf", resolver);
    let test = child::command(module, name);
    let script = "ip link set lo up \
        && mount --bind \"$0/hosts\" /etc/hosts \
        && mount --bind \"$0/resolv.conf\" /etc/resolv.conf \
        && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--net", "sh", "-c", script]);
    command.arg(folder.path());
    command.arg(test.get_program()).args(test.get_args());
    for (name, value) in test.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.env(FILES, folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    // No test at all would be a success as well.
    let has_passed = output.status.success() && text.contains("1 passed");
    assert!(has_passed, "{text}\n{errors}");
    None
}

/// Writes in place: another file of the same name would not be the one that is mounted.
pub(super) fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}
