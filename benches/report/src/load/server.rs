//! The server process: it prints its port, and its state for each line that it reads.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use axum::ServiceExt;
use axum::extract::Request;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::scenario::{Scenario, serves_checks};

/// The first argument of a process that only serves.
const CHILD: &str = "--serve";

/// A server in a process of its own, which ends when this is dropped.
pub(super) struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    pub(super) port: u16,
}

/// What a server reports of itself.
pub(super) struct State {
    pub(super) runs: u64,
    /// Resident memory.
    pub(super) kibibytes: u64,
}

impl Server {
    pub(super) fn start(scenario: Scenario) -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(this)
            .args([CHILD, scenario.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Self {
            child,
            stdin,
            stdout,
            port: 0,
        };
        server.port = server.numbers()[0] as u16;
        server
    }

    pub(super) fn state(&mut self) -> State {
        self.stdin
            .write_all(b"state\n")
            .expect("a server that runs");
        let numbers = self.numbers();
        State {
            runs: numbers[0],
            kibibytes: numbers[1],
        }
    }

    fn numbers(&mut self) -> Vec<u64> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        let words = line.split_whitespace();
        words.map(|word| word.parse().expect("a number")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves if these are the arguments of such a process, and returns whether they are.
pub(crate) fn is_child(args: &[String]) -> bool {
    let [flag, name] = args else { return false };
    if flag != CHILD {
        return false;
    }
    let scenario = Scenario::by_name(name).expect("a scenario");
    // As `#[tokio::main]` has it, but for a worker more where one is blocked.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.max(2))
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (app, runs) = scenario.app().await;
        if matches!(scenario, Scenario::TonicHealth | Scenario::Outside) {
            let serves = timeout(Duration::from_secs(10), serves_checks(app.clone()));
            serves.await.expect("a service that serves");
        }
        thread::spawn(move || {
            print(&[u64::from(address.port())]);
            for _ in stdin().lines().map_while(Result::ok) {
                print(&[runs.load(Ordering::Relaxed) as u64, resident_kibibytes()]);
            }
            // The process that started this one is gone.
            std::process::exit(0);
        });
        let make_service = ServiceExt::<Request>::into_make_service(app);
        // As tonic's server does by default: otherwise the answer to a call with a message may
        // wait 40 ms for an acknowledgement.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, make_service).await.expect("no end");
    });
    true
}

fn print(numbers: &[u64]) {
    let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
    println!("{}", words.join(" "));
    let _ = stdout().flush();
}

fn resident_kibibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
