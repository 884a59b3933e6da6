//! A real Postgres.

use std::process::Command;

use tempfile::TempDir;

use super::{Program, folder, port, run, wait_until};

/// A Postgres of its own, which can be stopped and started again.
pub(crate) struct Postgres {
    pub(crate) port: u16,
    folder: TempDir,
    server: Option<Program>,
    starts: usize,
}

const BIN: &str = "/usr/lib/postgresql/15/bin";

impl Postgres {
    pub(crate) fn start() -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        run("chown", &["postgres", folder.path().to_str().unwrap()]);
        let initdb = format!("{BIN}/initdb");
        let data = data.to_str().unwrap();
        run(
            "setpriv",
            &[
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                &initdb,
                "-D",
                data,
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            ],
        );
        let mut postgres = Self {
            port: port(),
            folder,
            server: None,
            starts: 0,
        };
        postgres.begin();
        postgres
    }

    pub(crate) fn begin(&mut self) {
        let data = self.folder.path().join("data");
        let _ = std::fs::remove_file(data.join("postmaster.pid"));
        self.starts += 1;
        let log = self.folder.path().join(format!("log.{}", self.starts));
        let (program, port) = (format!("{BIN}/postgres"), format!("port={}", self.port));
        let socket = format!("unix_socket_directories={}", self.folder.path().display());
        self.server = Some(Program::start(
            &[
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                // Ended so, it gives back the memory that it shares with its children.
                "--pdeathsig",
                "QUIT",
                &program,
                "-D",
                data.to_str().unwrap(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                &port,
                "-c",
                &socket,
                "-c",
                "fsync=off",
                "-c",
                "max_connections=300",
                "-c",
                "log_connections=on",
                "-c",
                "log_line_prefix=%m %a ",
            ],
            &log,
        ));
        wait_until("Postgres is ready", || {
            let port = self.port.to_string();
            let ask = ["-q", "-h", "127.0.0.1", "-p", &port];
            let ready = Command::new(format!("{BIN}/pg_isready")).args(ask).status();
            ready.is_ok_and(|status| status.success())
        });
    }

    /// Refuses connections from now on, and breaks those that are open.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal("QUIT");
            let _ = server.0.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The URL of a user of its own, whose name `pg_stat_activity` shows.
    pub(crate) fn url_of(&self, user: &str) -> String {
        let create = format!("CREATE ROLE \"{user}\" LOGIN SUPERUSER");
        run("psql", &[&self.url(), "-qc", &create]);
        self.url().replace("postgres@", &format!("{user}@"))
    }

    /// What the latest start has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("log.{}", self.starts))).unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}
