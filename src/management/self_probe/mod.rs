//! A blocking probe of this host, for images without curl: the standard library alone.

mod answer;
mod error;
mod exchange;
mod target;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use self::error::Fault;
pub use self::error::SelfProbeError;
use self::exchange::Probe;

/// Probes a server over HTTP/1.1 and returns whether it answered with 200 to 299, as a container's
/// `HEALTHCHECK` does.
///
/// `target` is `host:port`, with `http://` in front if you like, or `unix:` and the path of a socket.
/// `path` begins with `/`. It follows no redirect, speaks no TLS, and blocks the calling thread for
/// at most `timeout`.
///
/// The example `healthcheck` is a program around it.
///
/// ```no_run
/// use std::time::Duration;
/// use tower_health::self_probe;
///
/// self_probe("127.0.0.1:9000", "/readyz", Duration::from_secs(2))?;
/// self_probe("unix:/run/app/health.sock", "/livez", Duration::from_secs(2))?;
/// # Ok::<(), tower_health::SelfProbeError>(())
/// ```
///
/// # Errors
///
/// Returns an error if the target or the path is malformed, if the server cannot be reached in time,
/// if it does not answer with HTTP, or if it answers with another status.
pub fn self_probe(target: &str, path: &str, timeout: Duration) -> Result<(), SelfProbeError> {
    let probe = Probe::new(target, path, timeout)?;
    let (sender, result) = mpsc::channel();
    // A thread, since neither a look-up of a name nor the connection to a Unix socket has a timeout
    // in the standard library. One that hangs ends with the process.
    let thread = thread::Builder::new().name("self-probe".to_owned());
    let spawned = thread.spawn(move || {
        // An error means that the caller no longer waits.
        let _ = sender.send(probe.run());
    });
    spawned.map_err(|error| Fault::Io("cannot start a thread", error))?;
    match result.recv_timeout(timeout) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(Fault::Timeout(timeout).into()),
        Err(RecvTimeoutError::Disconnected) => {
            Err(Fault::Answer("the probe ended early".to_owned()).into())
        }
    }
}
