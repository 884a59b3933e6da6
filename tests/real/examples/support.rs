//! A running example: its process, its log, and a client over bare sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::support::{PATIENCE, wait_until};

pub(crate) fn command(example: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let binary = profile.join("examples").join(example);
    assert!(binary.exists(), "first: cargo build --examples");
    let mut command = Command::new(binary);
    for setting in [
        "CERTIFICATE",
        "DATABASE_URL",
        "DATA_DIR",
        "DNS_NAME",
        "DRAIN_MS",
        "GRPC_URL",
        "HTTP_URL",
        "POSTGRES_URL",
        "REDIS_URL",
        "RUST_LOG",
        "TCP_ADDRESS",
        "TLS_ADDRESS",
    ] {
        command.env_remove(setting);
    }
    command.env("NO_COLOR", "1");
    for setting in ["ADDR", "ADMIN_ADDR"] {
        command.env(setting, "127.0.0.1:0");
    }
    command
}

pub(crate) struct Service {
    child: Child,
    log: Receiver<String>,
    addr: String,
    /// Empty if the example has none.
    pub(crate) data_dir: PathBuf,
}

impl Service {
    /// Returns when the example listens, long before it is ready.
    pub(crate) fn start(example: &str, settings: &[(&str, &str)]) -> Self {
        let (child, log) = spawn(example, settings);
        let listening = loop {
            let line = log.recv_timeout(PATIENCE).expect("an example that listens");
            if line.contains("listening") {
                break line;
            }
        };
        let field = |name: &str| {
            let (_, value) = listening.split_once(name).unwrap();
            value.split(' ').next().unwrap().to_owned()
        };
        Self {
            addr: field("addr="),
            data_dir: field("data_dir=").into(),
            child,
            log,
        }
    }

    /// Starts an example that has no settings and no log, and returns when it listens on its address.
    pub(crate) fn start_on(addr: &str, example: &str) -> Self {
        if let Err(error) = TcpListener::bind(addr) {
            panic!("the {example} example listens on {addr}, which must be free: {error}");
        }
        let (child, log) = spawn(example, &[]);
        let service = Self {
            addr: addr.to_owned(),
            data_dir: PathBuf::new(),
            child,
            log,
        };
        wait_until("an example that listens", || {
            TcpStream::connect(addr).is_ok()
        });
        service
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.exchange(&format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        ))
    }

    /// Sends this over a connection of its own, and reads until that is closed. Returns the code and
    /// the body.
    pub(crate) fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let code = &head.strip_prefix("HTTP/1.1 ").unwrap()[..3];
        format!("{code} {body}")
    }

    /// A connection that was used once, and is kept.
    pub(crate) fn idle_connection(&self) -> TcpStream {
        let mut stream = self.connect();
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .unwrap();
        assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0);
        stream
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn terminate(&self) {
        // A shell has its own `kill`; not every machine has another.
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for an end with code 0. Returns the log from where the example listened.
    pub(crate) fn end(&mut self) -> String {
        let mut status = None;
        wait_until("the end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let log: Vec<_> = self.log.iter().collect();
        let log = log.join("\n");
        assert_eq!(status.unwrap().code(), Some(0), "{log}");
        log
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(example: &str, settings: &[(&str, &str)]) -> (Child, Receiver<String>) {
    let mut command = command(example);
    command.envs(settings.iter().copied());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let log = lines(child.stdout.take().unwrap());
    (child, log)
}

fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}
