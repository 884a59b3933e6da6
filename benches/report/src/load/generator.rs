//! wrk and h2load.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::subject::GRPC_CHECK;

/// The request that a server gets again and again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// Over HTTP/1, by wrk: a connection has one request under way.
    Get {
        path: &'static str,
        connections: u32,
    },
    /// `grpc.health.v1.Health/Check` over HTTP/2, by h2load.
    Check { connections: u32, streams: u32 },
}

impl Load {
    pub(super) fn run(self, port: u16, duration: Duration) -> Seen {
        match self {
            Self::Get { path, connections } => wrk(port, path, connections, duration),
            Self::Check {
                connections,
                streams,
            } => check(port, connections, streams, duration),
        }
    }
}

/// What one run showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) per_second: f64,
    /// Microseconds within which 50, 99 and 99.9 % of the answers came.
    pub(super) latency: [f64; 3],
    pub(super) errors: f64,
}

/// Makes wrk print its results in one line.
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
pub(super) fn missing() -> Vec<&'static str> {
    let is_there = |program: &&str| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null());
        command.stderr(Stdio::null()).status().is_ok()
    };
    let programs = ["wrk", "h2load"].into_iter();
    programs.filter(|program| !is_there(program)).collect()
}

/// HTTP/1, as many requests as the connections can carry one after the other.
fn wrk(port: u16, path: &str, connections: u32, duration: Duration) -> Seen {
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
        .unwrap_or_else(|| panic!("wrk printed no result: {text}"))
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
        .unwrap_or_else(|| panic!("h2load printed no result: {text}"))
}

/// A gRPC call for each request. h2load does not look into the answers, but logs how long each took.
fn check(port: u16, connections: u32, streams: u32, duration: Duration) -> Seen {
    let folder = tempfile::tempdir().expect("a folder");
    let (message, log) = (folder.path().join("message"), folder.path().join("log"));
    // The frame of an empty message, which names the service `""`.
    std::fs::write(&message, [0; 5]).expect("a file for the message");
    let output = Command::new("h2load")
        .args(["--threads", "1", "--clients", &connections.to_string()])
        .args(["--max-concurrent-streams", &streams.to_string()])
        .args(["--duration", &format!("{}s", duration.as_secs())])
        .args(["--header", "content-type: application/grpc"])
        .args(["--header", "te: trailers"])
        .arg("--data")
        .arg(message)
        .arg("--log-file")
        .arg(&log)
        .arg(format!("http://127.0.0.1:{port}{}", GRPC_CHECK))
        .output();
    let text = text(output.expect("h2load can be started"));
    let answers = std::fs::read_to_string(log).unwrap_or_default();
    seen(&answers, duration).unwrap_or_else(|| panic!("h2load printed no result: {text}"))
}

/// Reads a line for each answer: its start, its status, and the microseconds that it took.
fn seen(answers: &str, duration: Duration) -> Option<Seen> {
    let mut errors = 0;
    let mut times = Vec::new();
    for line in answers.lines() {
        let mut words = line.split_whitespace();
        let (_start, status) = (words.next()?, words.next()?);
        if status == "200" {
            times.push(words.next()?.parse::<f64>().ok()?);
        } else {
            errors += 1;
        }
    }
    times.sort_by(f64::total_cmp);
    let last = times.len().checked_sub(1)?;
    let within = |fraction: f64| times[(last as f64 * fraction).round() as usize];
    Some(Seen {
        per_second: times.len() as f64 / duration.as_secs_f64(),
        latency: [within(0.5), within(0.99), within(0.999)],
        errors: f64::from(errors),
    })
}

fn text(output: Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_h2load_becomes_percentiles_and_failures() {
        let mut log: String = (1..=101)
            .map(|time| format!("1700000000\t200\t{time}\n"))
            .collect();
        log += "1700000000\t-1\t5\n1700000000\t503\t5\n";
        let seen = seen(&log, Duration::from_secs(2)).expect("a result");
        assert_eq!(seen.latency, [51.0, 100.0, 101.0]);
        assert_eq!(seen.per_second, 50.5);
        assert_eq!(seen.errors, 2.0);
    }

    #[test]
    fn a_log_without_an_answer_is_no_result() {
        assert!(seen("", Duration::from_secs(1)).is_none());
        assert!(seen("1700000000\t-1\t5\n", Duration::from_secs(1)).is_none());
    }
}
