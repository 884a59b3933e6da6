//! Tells systemd what the probes tell others: `READY=1`, `STATUS=`, `STOPPING=1` and `WATCHDOG=1`.

mod notifier;
mod status;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, Handle};

use self::notifier::Notifier;
use crate::Health;

impl Health {
    /// Tells systemd about this health, for a unit of `Type=notify` (see [sd_notify(3)][notify]).
    ///
    /// - `READY=1`, once, when startup is complete.
    /// - `STATUS=` with one line about readiness, when it changes; `systemctl status` shows it.
    /// - `STOPPING=1`, once, when a drain begins.
    /// - `WATCHDOG=1`, if the unit has `WatchdogSec=`, at half that interval: only while liveness
    ///   passes, and only if the runtime that this method is called within has run a task since the
    ///   last one. A ping that did not go out is due again a second later, or earlier if half the
    ///   interval is shorter.
    ///
    /// A thread of its own sends them. It would go on while every worker of the application is
    /// blocked, which is the very case that a watchdog is for. So it hands the runtime an empty task
    /// before each `WATCHDOG=1` and waits until that has run. A runtime of which one worker is free
    /// passes; one that is blocked for longer than half of `WatchdogSec=` can cost the process its life,
    /// as a liveness probe over its own port would.
    ///
    /// Without `NOTIFY_SOCKET` in the environment, as outside systemd, this does nothing. A message
    /// that cannot be sent is logged and tried again a second later. A socket in the abstract
    /// namespace, whose name begins with `@`, is not supported. Call it once; the thread ends with the
    /// last [`Health`].
    ///
    /// [notify]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
    ///
    /// # Errors
    ///
    /// Returns an error outside a tokio runtime, and if the system cannot start a thread or its timer.
    ///
    /// ```
    /// use tower_health::Health;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let health = Health::builder().start()?;
    /// health.notify_systemd()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "systemd")))]
    pub fn notify_systemd(&self) -> io::Result<()> {
        let application = Handle::try_current().map_err(io::Error::other)?;
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(());
        }
        let transitions = self.subscribe();
        let watchdog = sd_notify::watchdog_enabled();
        let send = sd_notify::notify;
        let notifier = Notifier::new(send, self.downgrade(), application, watchdog);
        let (started, is_started) = mpsc::channel();
        let body = move || {
            // Made here, since a runtime must not be dropped within another one.
            let runtime = match Builder::new_current_thread().enable_time().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            let _ = started.send(Ok(()));
            runtime.block_on(notifier.run(transitions));
        };
        let thread = thread::Builder::new().name("health-systemd".to_owned());
        thread.spawn(body)?;
        let result = is_started.recv();
        result.unwrap_or_else(|_| Err(io::Error::other("the thread has ended")))
    }
}
