//! wrk and h2load.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// What wrk saw in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) per_second: f64,
    /// Microseconds within which 50, 99 and 99.9 % of the answers came.
    pub(super) latency: [f64; 3],
    pub(super) errors: f64,
}

/// Makes wrk print what it knows in one line.
const SCRIPT: &str = r#"
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %f %f %f %f %d\n",
    summary.requests / (summary.duration / 1000000),
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

/// The load generators that are not installed.
pub fn missing() -> Vec<&'static str> {
    let is_there = |program: &&str| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null());
        command.stderr(Stdio::null()).status().is_ok()
    };
    let programs = ["wrk", "h2load"].into_iter();
    programs.filter(|program| !is_there(program)).collect()
}

/// HTTP/1, as many requests as the connections can carry one after the other.
pub(super) fn wrk(port: u16, path: &str, connections: u32, duration: Duration) -> Seen {
    let script = std::env::temp_dir().join(format!("tower-health-{}.lua", std::process::id()));
    std::fs::write(&script, SCRIPT).expect("a file for the script");
    let output = Command::new("wrk")
        .args(["--threads", "1", "--latency"])
        .args(["--connections", &connections.to_string()])
        .args(["--duration", &format!("{}s", duration.as_secs())])
        .arg("--script")
        .arg(&script)
        .arg(format!("http://127.0.0.1:{port}{path}"))
        .output();
    let _ = std::fs::remove_file(&script);
    let text = text(output.expect("wrk can be started"));
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers: Vec<f64> = line
        .unwrap_or_else(|| panic!("wrk says no result: {text}"))
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    Seen {
        per_second: numbers[0],
        latency: [numbers[1], numbers[2], numbers[3]],
        errors: numbers[4],
    }
}

/// HTTP/2, so many requests, with `connections` × `streams` of them under way at a time. Returns
/// how many got any answer.
pub(super) fn h2load(port: u16, path: &str, requests: u64, connections: u32, streams: u32) -> u64 {
    let output = Command::new("h2load")
        .args(["--threads", "1", "--requests", &requests.to_string()])
        .args(["--clients", &connections.to_string()])
        .args(["--max-concurrent-streams", &streams.to_string()])
        .arg(format!("http://127.0.0.1:{port}{path}"))
        .output();
    let text = text(output.expect("h2load can be started"));
    // requests: 10000 total, 10000 started, 10000 done, 0 succeeded, 10000 failed, ...
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("requests: "));
    let done = line.and_then(|line| line.split(", ").find_map(|part| part.strip_suffix(" done")));
    done.and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("h2load says no result: {text}"))
}

fn text(output: Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
