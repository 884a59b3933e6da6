//! A real server as a child process, on a port and in a directory of its own.

use std::cell::RefCell;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::detection::{Act, Fault};

/// Can be started again as often as it was killed. It ends with the last of its clones.
#[derive(Clone)]
pub(crate) struct Process(Rc<Inner>);

struct Inner {
    port: u16,
    command: Box<dyn Fn() -> Command>,
    child: RefCell<Option<Child>>,
}

impl Process {
    /// `None` if it is not installed.
    pub(super) async fn start(port: u16, command: impl Fn() -> Command + 'static) -> Option<Self> {
        let process = Self(Rc::new(Inner {
            port,
            command: Box::new(command),
            child: RefCell::default(),
        }));
        process.launch().then_some(())?;
        process.listens().await;
        Some(process)
    }

    fn launch(&self) -> bool {
        let mut command = (self.0.command)();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().ok();
        let started = child.is_some();
        *self.0.child.borrow_mut() = child;
        started
    }

    /// Gives up after a few seconds; the results then show that the server was never mended.
    async fn listens(&self) {
        for _ in 0..5000 {
            if TcpStream::connect(("127.0.0.1", self.0.port)).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn id(&self) -> u32 {
        let child = self.0.child.borrow();
        child.as_ref().map_or(0, Child::id)
    }

    /// Signals the processes that a server has for its clients too: those go on without it.
    pub(crate) fn signal_all(&self, signal: Signal) {
        signal_one(self.id(), signal);
        for child in children(self.id()) {
            signal_one(child, signal);
        }
    }

    fn wait(&self) {
        if let Some(mut child) = self.0.child.borrow_mut().take() {
            let _ = child.wait();
        }
    }

    /// Kills it, freezes it, and stops it with the signal that it takes for that.
    pub(super) fn faults(&self, stop: Signal) -> Vec<Fault> {
        let ends = |name, end: fn(&Self, Signal), signal| Fault {
            name,
            inflict: self.act(move |process| async move {
                end(&process, signal);
                process.wait();
            }),
            mend: self.act(|process| async move {
                process.launch();
                process.listens().await;
            }),
        };
        let signals = |signal| self.act(move |process| async move { process.signal_all(signal) });
        vec![
            ends("killed, then started", Self::signal_all, Signal::KILL),
            Fault {
                name: "frozen, then thawed",
                inflict: signals(Signal::STOP),
                mend: signals(Signal::CONT),
            },
            ends(
                "stopped, then started",
                |server, signal| signal_one(server.id(), signal),
                stop,
            ),
        ]
    }

    fn act<F: Future<Output = ()> + 'static>(&self, act: impl Fn(Self) -> F + 'static) -> Act {
        let process = self.clone();
        Box::new(move || Box::pin(act(process.clone())))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.borrow_mut().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn signal_one(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already.
        let _ = kill_process(pid, signal);
    }
}

fn children(of: u32) -> Vec<u32> {
    let path = format!("/proc/{of}/task/{of}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().flat_map(str::parse).collect()
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
