//! The machine and the versions that the results belong to.

use std::fmt::Write;
use std::process::Command;
use std::thread;

/// A list in Markdown.
pub(crate) fn description() -> String {
    let mut text = String::new();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    for (what, value) in [
        ("date", output("date", &["--utc", "+%Y-%m-%d"])),
        ("processor", processor()),
        ("cores", cores.to_string()),
        ("kernel", output("uname", &["-sr"])),
        ("rustc", output("rustc", &["--version"])),
        ("valgrind", output("valgrind", &["--version"])),
        ("crates", crates()),
    ] {
        let _ = writeln!(text, "- {what}: {value}");
    }
    text
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "not installed".to_owned())
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    name.map_or("unknown", |(_, name)| name.trim()).to_owned()
}

/// The crates that are measured, and those below them, as the lockfile has them.
fn crates() -> String {
    const NAMED: [&str; 13] = [
        "tower-health",
        "axum",
        "axum-health",
        "aws-smithy-http-server",
        "health",
        "http",
        "hyper",
        "redis",
        "sqlx",
        "tokio",
        "tonic",
        "tonic-health",
        "tower",
    ];
    let lock = include_str!("../Cargo.lock");
    let packages = lock.split("[[package]]").filter_map(|package| {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_matches([' ', '=', '"']))
        };
        Some((field("name")?, field("version")?))
    });
    let named = packages.filter(|(name, _)| NAMED.contains(name));
    let texts: Vec<String> = named
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    texts.join(", ")
}
