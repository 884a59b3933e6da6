//! A Tinyproxy of its own for each test.

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::process::Process;
use crate::support::eventually;
use crate::support::port::free_port;

pub(crate) struct Tinyproxy {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl Tinyproxy {
    /// With settings such as `BasicAuth user password`, one for each line.
    pub(crate) async fn start(settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let config = folder.path().join("config");
        let text =
            format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\n{settings}\n");
        fs::write(&config, text).unwrap();
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(config);
        let mut process = Process::start(&mut command, &folder.path().join("log"));
        eventually("tinyproxy accepts connections", async || {
            assert!(!process.has_ended(), "tinyproxy has ended");
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self {
            process,
            port,
            folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("")
    }

    /// `user` is `user:password@`.
    pub(crate) fn url_of(&self, user: &str) -> String {
        format!("http://{user}127.0.0.1:{}", self.port)
    }

    /// What it has logged of the requests.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(crate) fn freeze(&mut self) {
        self.process.freeze();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}
