//! A real server as a child process, on a port and in a directory of its own.

use std::cell::RefCell;
use std::future::ready;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::Fault;

/// It can be started again as often as it was killed. It ends with the last of its clones.
#[derive(Clone)]
pub(super) struct Process(Rc<Inner>);

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

    /// A server that cannot be had is never mended, which the results then show.
    async fn listens(&self) {
        for _ in 0..5000 {
            if TcpStream::connect(("127.0.0.1", self.0.port)).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &*self.0.child.borrow() {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let _ = kill_process(pid.expect("a process"), signal);
        }
    }

    fn wait(&self) {
        if let Some(mut child) = self.0.child.borrow_mut().take() {
            let _ = child.wait();
        }
    }

    /// Kill it, freeze it, ask it to end.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let ends = |name, signal| {
            let (inflict, mend) = (self.clone(), self.clone());
            let inflict = move || {
                inflict.signal(signal);
                inflict.wait();
                ready(())
            };
            let mend = move || {
                let process = mend.clone();
                async move {
                    process.launch();
                    process.listens().await;
                }
            };
            Fault::new(name, inflict, mend)
        };
        let signals = |signal| {
            let process = self.clone();
            move || {
                process.signal(signal);
                ready(())
            }
        };
        vec![
            ends("killed, then started", Signal::KILL),
            Fault::new(
                "frozen, then thawed",
                signals(Signal::STOP),
                signals(Signal::CONT),
            ),
            ends("stopped, then started", Signal::TERM),
        ]
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

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
