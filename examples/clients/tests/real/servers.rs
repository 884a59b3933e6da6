//! The servers as children of the test, which die with it.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::port::free_port;
use crate::process::Process;

/// How long a server may take to start. A busy machine takes half a minute for RabbitMQ.
const BOOT: Duration = Duration::from_secs(180);

/// Makes the command for a port and a directory.
type Start = dyn Fn(u16, &Path) -> Command;

/// A server that listens on one port of the loopback interface.
pub(crate) struct Server {
    process: Process,
    directory: TempDir,
    port: u16,
    start: Box<Start>,
}

impl Server {
    /// Gives it a port and a directory of its own.
    pub(crate) fn start(start: impl Fn(u16, &Path) -> Command + 'static) -> Self {
        let mut tries = 0..3;
        loop {
            let directory = TempDir::new().unwrap();
            let port = free_port();
            match spawn(start(port, directory.path()), directory.path(), port) {
                Ok(process) => {
                    return Self {
                        process,
                        directory,
                        port,
                        start: Box::new(start),
                    };
                }
                // Another process took the port meanwhile?
                Err(log) => assert!(tries.next().is_some(), "it ends at once: {log}"),
            }
        }
    }

    /// Starts it again on the same port, after `kill`.
    pub(crate) fn bring_back(&mut self) {
        let directory = self.directory.path();
        let command = (self.start)(self.port, directory);
        self.process = spawn(command, directory, self.port).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// The kernel still accepts connections for it, and nothing answers them.
    pub(crate) fn freeze(&mut self) {
        self.process.freeze();
    }

    pub(crate) fn thaw(&mut self) {
        self.process.thaw();
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The local addresses of the connections to it that are open, as the kernel lists them.
    pub(crate) fn connections(&self) -> BTreeSet<String> {
        const ESTABLISHED: &str = "01";
        let port = format!(":{:04X}", self.port);
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let rows = table.lines().filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            Some((fields.next()?, fields.next()?, fields.next()?))
        });
        let open =
            rows.filter(|(_, remote, state)| remote.ends_with(&port) && *state == ESTABLISHED);
        open.map(|(local, ..)| local.to_owned()).collect()
    }
}

/// A program that dies with the thread that starts it, whatever ends that.
pub(crate) fn child(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// Waits until the program listens; the error is what it printed before it ended.
fn spawn(mut command: Command, directory: &Path, port: u16) -> Result<Process, String> {
    let log = directory.join("log");
    let mut process = Process::start(&mut command, &log);
    let deadline = Instant::now() + BOOT;
    let mut ended = false;
    while !ended && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < deadline, "it never listens: {command:?}");
        sleep(Duration::from_millis(20));
        ended = process.has_ended();
    }
    if ended {
        return Err(fs::read_to_string(&log).unwrap());
    }
    Ok(process)
}

/// Runs a tool of a server to its end.
pub(crate) fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// RabbitMQ, with a port mapper of Erlang that is its own.
pub(crate) struct RabbitServer {
    pub(crate) server: Server,
    epmd_port: u16,
    _epmd: Server,
}

impl RabbitServer {
    pub(crate) fn start() -> Self {
        let epmd = Server::start(|port, _| {
            let mut command = child("epmd");
            command.args(["-address", "127.0.0.1", "-port", &port.to_string()]);
            command
        });
        let epmd_port = epmd.port();
        let distribution_port = free_port();
        let server = Server::start(move |port, directory| {
            let mut command = child("/usr/lib/rabbitmq/bin/rabbitmq-server");
            of_the_node(&mut command, epmd_port, directory);
            command
                .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
                .env("RABBITMQ_NODE_PORT", port.to_string())
                .env("RABBITMQ_DIST_PORT", distribution_port.to_string())
                .env("RABBITMQ_LOGS", "-")
                // The script then becomes the broker instead of starting it.
                .env("RABBITMQ_ALLOW_INPUT", "1")
                .env("RABBITMQ_SERVER_START_ARGS", "-noinput")
                // Its schedulers leave the processor to others while they have nothing to do.
                .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none");
            command
        });
        Self {
            server,
            epmd_port,
            _epmd: epmd,
        }
    }

    pub(crate) fn uri(&self, user: &str) -> String {
        format!("amqp://{user}@127.0.0.1:{}/%2f", self.server.port())
    }

    /// Runs `rabbitmqctl` with these arguments, separated by spaces, and returns what it prints.
    pub(crate) fn control(&self, arguments: &str) -> String {
        let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmqctl");
        of_the_node(&mut command, self.epmd_port, self.server.directory());
        command.arg("--quiet").args(arguments.split(' '));
        String::from_utf8(succeeds(&mut command).stdout).unwrap()
    }
}

/// What the broker and its tool have to agree on.
fn of_the_node(command: &mut Command, epmd_port: u16, directory: &Path) {
    command
        .env("HOME", directory)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", epmd_port.to_string())
        .env("RABBITMQ_NODENAME", format!("test{epmd_port}@localhost"))
        .env("RABBITMQ_MNESIA_BASE", directory.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", directory.join("logs"))
        .env("RABBITMQ_PID_FILE", directory.join("pid"))
        .env("RABBITMQ_CONF_ENV_FILE", directory.join("environment"))
        .env("RABBITMQ_CONFIG_FILE", directory.join("rabbit"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", directory.join("plugins"));
}
