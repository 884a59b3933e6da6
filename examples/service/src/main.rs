//! A service to copy as a start: an API with a database, probed from its first moment to its last.
//!
//! ```sh
//! cargo run                                # SQLite in ./data, no Redis
//! curl -i localhost:8080/readyz            # the API; /livez and /startupz too
//! curl localhost:8081/readyz?verbose       # the management port
//! curl -i localhost:8082                   # the website
//! ```
//!
//! The README beside this has the flags, the environment and the order of the start.

mod api;
mod cache;
mod cli;
mod config;
mod database;
mod health;
mod healthcheck;
mod listeners;
mod logs;
mod migrations;
mod monitoring;
mod roles;
mod settings;
mod shutdown;
mod signals;
mod watch;
mod web;

use std::io::{self, Write};
use std::process::ExitCode;

use self::cli::Command;
use self::config::{Config, Environment};

/// Whatever ends the process early, as one line for its log.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Errors of clients may quote the URL that they were given.
            let text = tower_health::redact_credentials(&error.to_string());
            // `eprintln!` would panic if nobody reads it.
            let _ = writeln!(io::stderr(), "service: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    match cli::parse(std::env::args_os(), &env)? {
        Command::Help => write!(io::stdout(), "{}", cli::USAGE)?,
        Command::Version => writeln!(io::stdout(), "{}", env!("CARGO_PKG_VERSION"))?,
        Command::Healthcheck(healthcheck) => healthcheck::run(&healthcheck)?,
        Command::Settings(options) => {
            let text = settings::toml(&Config::public(&options)?);
            write!(io::stdout(), "{text}")?;
        }
        Command::Watch(watch) => watch::run(&watch)?,
        Command::Run(options) => {
            roles::run(
                &Config::load(&options, &Environment::of_process())?,
                &options,
            )?;
        }
    }
    Ok(())
}

/// An environment variable; an empty one counts as not set.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
