//! A Redis of its own for each test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use tempfile::TempDir;

use super::port::Port;
use super::process::{self, Process};
use super::{PATIENCE, wait_until};

pub(crate) struct Redis {
    directory: TempDir,
    pub(crate) port: u16,
    _port: Port,
    process: Option<Process>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let port = Port::take();
        let mut server = Self {
            directory: tempfile::tempdir().unwrap(),
            port: port.number,
            _port: port,
            process: None,
        };
        server.bring_up();
        server
    }

    pub(crate) fn bring_up(&mut self) {
        let mut command = process::command("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &self.port.to_string(), "--dir"]);
        command.arg(self.directory.path());
        let mut process = Process::start(&mut command);
        // Another server could have the port.
        let this = format!("process_id:{}", process.pid());
        wait_until("an answer of Redis", || {
            assert!(!process.has_ended(), "{}", process.output());
            self.try_send("INFO server")
                .is_some_and(|info| info.lines().any(|line| line == this))
        });
        self.process = Some(process);
    }

    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command. Returns the text of the answer; empty for none.
    pub(crate) fn send(&self, command: &str) -> String {
        self.try_send(command).expect("an answer of Redis")
    }

    fn try_send(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some(length) = line.strip_prefix('$') else {
            return Some(line.trim().to_owned());
        };
        let Ok(length) = length.trim().parse::<usize>() else {
            return Some(String::new());
        };
        let mut text = vec![0; length];
        stream.read_exact(&mut text).ok()?;
        String::from_utf8(text).ok()
    }
}
