//! The short way: the port with its defaults.

use super::{Management, ManagementError, ManagementListener, ManagementServer};
use crate::Health;

impl Health {
    /// Serves the management port with its defaults: probes with details, history and facts, for those
    /// who run the service.
    ///
    /// [`Management`] has the settings, and the [guide](crate::guides::management) the routes. The
    /// port has a thread and a runtime of its own, so it answers even if every worker of the
    /// application's runtime is blocked. The thread ends with the last [`Health`].
    ///
    /// # Errors
    ///
    /// Returns an error if the listener is not on a loopback address, or if the system cannot start a
    /// thread or its event loop.
    ///
    /// ```
    /// use std::net::TcpListener;
    /// use std::time::Duration;
    /// use tower_health::{Health, Status, self_probe};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let health = Health::fixed(Status::Pass);
    /// let server = health.serve_management(TcpListener::bind("127.0.0.1:0")?)?;
    /// let address = server.address().ok_or("a Unix socket")?;
    /// self_probe(&address.to_string(), "/readyz", Duration::from_secs(2))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve_management(
        &self,
        listener: impl Into<ManagementListener>,
    ) -> Result<ManagementServer, ManagementError> {
        Management::new(self).serve(listener)
    }
}
