//! What the examples have in common beside health: their settings, and a directory to watch.

use std::env::VarError;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpListener;
use tower_health::{HealthIndicator, blocking_indicator_fn};

/// The settings, from the environment.
pub(crate) struct Settings {
    /// `ADDR`, by default 127.0.0.1:3000.
    addr: String,
    /// `DRAIN_MS`, by default 5000.
    pub(crate) drain_delay: Duration,
    /// `DATA_DIR`, by default a temporary one. It has to be there: a service that made it would
    /// write to the wrong disk whenever the right one is not mounted.
    pub(crate) data_dir: PathBuf,
    /// Removed on drop; `Some` if no `DATA_DIR` is given.
    _temporary: Option<TempDir>,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let drain: Option<u32> = setting("DRAIN_MS")?;
        let (data_dir, temporary) = match setting("DATA_DIR")? {
            Some(given) => (given, None),
            None => {
                let made = TempDir::with_prefix("tower-health-")?;
                (made.path().to_owned(), Some(made))
            }
        };
        Ok(Self {
            addr: setting("ADDR")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned()),
            drain_delay: Duration::from_millis(drain.unwrap_or(5000).into()),
            data_dir,
            _temporary: temporary,
        })
    }

    pub(crate) async fn listen(&self) -> Result<TcpListener, Box<dyn Error>> {
        let listener = listen("ADDR", &self.addr).await?;
        let addr = listener.local_addr()?;
        tracing::info!(%addr, data_dir = %self.data_dir.display(), "listening");
        Ok(listener)
    }
}

pub(crate) async fn listen(setting: &str, addr: &str) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(addr).await;
    listener.map_err(|error| format!("{setting}={addr}: {error}"))
}

/// Reads one setting. What is wrong with it is told with its name.
pub(crate) fn setting<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, String> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Err(format!("{name} is set, but empty")),
        Ok(value) => match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(error) => Err(format!("{name}={value}: {error}")),
        },
        Err(VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// Passes while files can be created, written and removed in this directory.
pub(crate) fn writable(dir: &Path) -> impl HealthIndicator + use<> {
    let dir = dir.to_owned();
    blocking_indicator_fn("data-dir", move || {
        try_out(&dir).map_err(|error| format!("cannot write to {}: {error}", dir.display()))
    })
}

fn try_out(dir: &Path) -> io::Result<()> {
    // Under a name of its own, so that instances can share the directory.
    let mut file = NamedTempFile::with_prefix_in(".probe-", dir)?;
    file.write_all(b"probe")?;
    file.close()
}
