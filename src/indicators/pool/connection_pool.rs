//! What the indicator needs to know of a pool, whichever crate it is from.

use std::future::Future;

use super::state::PoolState;

/// A pool of connections that a [`PoolIndicator`](super::PoolIndicator) checks.
///
/// Implement it for the pool of a crate that this crate has no indicator for. The indicator knows
/// when to take a connection, when to connect beside the pool and what the results mean; the pool
/// only carries that out. No method needs a timeout of its own: the indicator divides its time among
/// them, and drops what takes too long.
///
/// ```
/// use std::io;
///
/// use tower_health::{Health, HealthIndicator, Status};
/// use tower_health::indicators::{ConnectionPool, PoolFault, PoolIndicator, PoolState};
///
/// # mod toy {
/// #     use std::io;
/// #     use std::ops::{Deref, DerefMut};
/// #     #[derive(Clone)] pub struct Pool;
/// #     pub struct Connection;
/// #     impl Connection { pub async fn ping(&mut self) -> io::Result<()> { Ok(()) } }
/// #     pub struct Pooled(Connection);
/// #     impl Pooled { pub fn forget(self) {} }
/// #     impl Deref for Pooled { type Target = Connection; fn deref(&self) -> &Connection { &self.0 } }
/// #     impl DerefMut for Pooled { fn deref_mut(&mut self) -> &mut Connection { &mut self.0 } }
/// #     impl Pool {
/// #         pub fn counts(&self) -> (usize, usize, usize) { (1, 1, 5) }
/// #         pub async fn get(&self) -> io::Result<Pooled> { Ok(Pooled(Connection)) }
/// #         pub async fn connect(&self) -> io::Result<Connection> { Ok(Connection) }
/// #     }
/// # }
/// struct ToyPool(toy::Pool);
///
/// impl ConnectionPool for ToyPool {
///     type Connection = toy::Connection;
///     type Pooled = toy::Pooled;
///     type Error = io::Error;
///
///     fn address(&self) -> String {
///         "toys:4711".to_owned()
///     }
///
///     fn state(&self) -> Option<PoolState> {
///         let (open, idle, most) = self.0.counts();
///         Some(PoolState::new(open, idle, most))
///     }
///
///     fn connection<'a>(&self, pooled: &'a mut toy::Pooled) -> &'a mut toy::Connection {
///         pooled
///     }
///
///     async fn take(&self) -> io::Result<toy::Pooled> {
///         self.0.get().await
///     }
///
///     async fn connect(&self) -> io::Result<toy::Connection> {
///         self.0.connect().await
///     }
///
///     async fn ping(&self, connection: &mut toy::Connection) -> io::Result<()> {
///         connection.ping().await
///     }
///
///     fn discard(&self, pooled: toy::Pooled) {
///         pooled.forget();
///     }
///
///     fn fault(&self, error: &io::Error) -> PoolFault {
///         match error.kind() {
///             io::ErrorKind::TimedOut => PoolFault::TimedOut,
///             io::ErrorKind::PermissionDenied => PoolFault::Refused,
///             _ => PoolFault::Broken,
///         }
///     }
///
///     fn describe(&self, error: &io::Error) -> String {
///         error.to_string()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = toy::Pool;
/// let toys = PoolIndicator::over("toys", ToyPool(pool.clone()));
/// let observation = toys.check().await;
/// assert!(observation.is_ok_and(|observation| observation.status() == Status::Pass));
/// let health = Health::builder().readiness(toys).start()?;
/// # drop(health);
/// # Ok(())
/// # }
/// ```
pub trait ConnectionPool: Send + Sync + 'static {
    /// A connection, as the client knows it. Dropping it closes it.
    type Connection: Send;

    /// A connection that belongs to the pool. Dropping it gives it back.
    type Pooled: Send;

    /// The errors of the pool and of its client.
    type Error: Send;

    /// The host, port and database, for texts. Without credentials.
    fn address(&self) -> String;

    /// How many connections the pool has now; `None` if it does not tell.
    ///
    /// Without this, a pool that is exhausted and one whose hooks fail look alike: both warn, or
    /// fail if [configured](super::ExhaustedPool) so.
    fn state(&self) -> Option<PoolState>;

    /// The connection within a pooled one.
    fn connection<'a>(&self, pooled: &'a mut Self::Pooled) -> &'a mut Self::Connection;

    /// Takes a connection as the application does.
    ///
    /// If this is dropped while it tests an idle connection, the pool must close that connection.
    fn take(&self) -> impl Future<Output = Result<Self::Pooled, Self::Error>> + Send;

    /// Takes a connection that is idle, and neither waits for one nor opens one.
    ///
    /// The indicator uses this to find many dead connections of the pool in one run. By default there
    /// is none: a run finds the few that [`take`](Self::take) gives it in its time, and warns until
    /// all are closed. It then takes a hook that hangs on idle connections for dead connections too.
    fn take_idle(&self) -> impl Future<Output = Option<Self::Pooled>> + Send {
        async { None }
    }

    /// Opens a connection as the pool does, which never belongs to it.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Sends the smallest request that the server itself answers, such as `SELECT 1`, and waits for
    /// the answer. It must leave nothing behind on the connection.
    fn ping(
        &self,
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Gives a connection back that has answered. By default it is dropped.
    fn give_back(&self, pooled: Self::Pooled) -> impl Future<Output = ()> + Send {
        async move { drop(pooled) }
    }

    /// Removes a connection from the pool and closes it at once: an answer may still be pending, or
    /// the server may be gone.
    ///
    /// This cannot wait, because it is called in destructors too, when a run is aborted. A client
    /// that has to wait spawns a task for that, with a bound.
    fn discard(&self, pooled: Self::Pooled);

    /// Closes a connection that [`connect`](Self::connect) has opened. By default it is dropped.
    fn close(&self, connection: Self::Connection) -> impl Future<Output = ()> + Send {
        async move { drop(connection) }
    }

    /// What an error says about the pool and the server.
    fn fault(&self, error: &Self::Error) -> PoolFault;

    /// Describes an error for the on-call engineer: the words of the server, its code and what that
    /// means. Without credentials.
    fn describe(&self, error: &Self::Error) -> String;

    /// What is wrong with how the pool was configured, for `start()`. By default nothing is.
    fn config_error(&self) -> Option<String> {
        None
    }

    /// Checks what needs no connection, before each run. The error says what is wrong with it. By
    /// default there is nothing to check.
    fn prepare(&self) -> impl Future<Output = Result<(), String>> + Send {
        async { Ok(()) }
    }

    /// Whether a connection can fall silent while others answer. By default it can, as over each
    /// network. If not, a run waits for the answer of its connection, and for no other.
    fn falls_silent(&self) -> bool {
        true
    }

    /// The names of the hooks of the application that the pool calls before it gives a connection,
    /// such as `after_connect`. The failure of a pool names them if it gives no connection although
    /// the server accepts one. By default none are named.
    fn hooks(&self) -> &'static [&'static str] {
        &[]
    }
}

/// What an error says about a pool and its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolFault {
    /// The pool gave no connection within its own timeout, which says nothing about the server.
    TimedOut,
    /// The application has closed the pool.
    Closed,
    /// The server answered that it accepts no further connection: all that it allows are taken.
    Full,
    /// A connection ended without an answer, or no connection could be made.
    ///
    /// On a pooled connection it means that this one is stale: its server was restarted, or ended
    /// it.
    Broken,
    /// The server answered, and refused: a wrong password, a missing right, a read-only database.
    Refused,
}
