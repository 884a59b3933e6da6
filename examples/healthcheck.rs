//! A program for `HEALTHCHECK` in images without curl: exit code 0 if the probe passes, and 1 if not.
//!
//! ```sh
//! cargo build --release --example healthcheck      # copy target/release/examples/healthcheck
//! healthcheck                                      # 127.0.0.1:3001/livez within 2s
//! healthcheck 127.0.0.1:9000 /readyz 500ms         # another port, path and timeout
//! healthcheck unix:/run/app/health.sock            # a Unix socket
//! ```
//!
//! ```dockerfile
//! HEALTHCHECK --interval=10s --timeout=3s CMD ["/healthcheck", "127.0.0.1:9000", "/livez"]
//! ```

use std::process::ExitCode;
use std::time::Duration;

use tower_health::self_probe;

const USAGE: &str = "usage: healthcheck [host:port | unix:/path] [/path] [timeout, such as 2s]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        // Docker and Podman show this line in `inspect`.
        Err(fault) => {
            eprintln!("healthcheck: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let target = arguments.next().unwrap_or_else(|| "127.0.0.1:3001".into());
    let path = arguments.next().unwrap_or_else(|| "/livez".into());
    let timeout = match arguments.next() {
        Some(text) => humantime::parse_duration(&text).map_err(|_| USAGE.to_owned())?,
        None => Duration::from_secs(2),
    };
    if arguments.next().is_some() || target.starts_with('-') {
        return Err(USAGE.to_owned());
    }
    self_probe(&target, &path, timeout).map_err(|error| format!("{target}{path}: {error}"))
}
