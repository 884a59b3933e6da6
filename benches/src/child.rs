//! Processes that this one starts of itself, so that what they do can be told from what it does.

use std::process::{Command, Output, Stdio};

/// Runs this program with these arguments to its end.
///
/// # Panics
///
/// If it fails: it is this program.
pub fn output(args: &[&str]) -> String {
    let this = std::env::current_exe().expect("this program has a path");
    let output = Command::new(this).args(args).stdin(Stdio::null()).output();
    let Output { stdout, stderr, .. } = output.expect("this program can be started");
    let text = String::from_utf8(stdout).expect("a child says what is text");
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    text
}
