//! The address of the database and descriptions of errors, without credentials.

use std::error::Error as _;
use std::io;

use tokio_postgres::config::Host;
use tokio_postgres::{Config, Error};

use crate::indicators::pool::PoolFault;
use crate::indicators::pool::database;
use crate::indicators::postgres;

/// `host:port` of each host, then the database. `None` without a host.
pub(crate) fn address(config: &Config) -> Option<String> {
    let names = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(directory) => directory.display().to_string(),
    });
    let mut names: Vec<_> = names.collect();
    if names.is_empty() {
        names.extend(config.get_hostaddrs().iter().map(ToString::to_string));
    }
    if names.is_empty() {
        return None;
    }
    let ports = config.get_ports();
    let addresses = names.iter().enumerate().map(|(at, name)| {
        // As the client reads the settings: one port may apply to all hosts.
        let port = ports.get(at).or(ports.first()).unwrap_or(&5432);
        format!("{name}:{port}")
    });
    let addresses = addresses.collect::<Vec<_>>().join(",");
    Some(match config.get_dbname().or(config.get_user()) {
        Some(database) => format!("{addresses}/{database}"),
        None => addresses,
    })
}

/// Describes an error: the message of the server, its code and what that means.
pub(crate) fn describe(error: &Error) -> String {
    if let Some(database) = error.as_db_error() {
        let code = database.code().code();
        return database::describe(database.message(), Some(code), postgres::meaning(code));
    }
    match error.source() {
        // The text that tokio-postgres adds says less.
        Some(source) if source.is::<io::Error>() => source.to_string(),
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What an error says about the pool and the server.
pub(crate) fn fault(error: &Error) -> PoolFault {
    match error.as_db_error() {
        Some(error) => postgres::fault(error.code().code(), error.message()),
        None => PoolFault::Broken,
    }
}
