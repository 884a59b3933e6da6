//! The dependency: a server in the test, which is well whatever happens to the service.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::support::wait_until;

/// How long it takes to answer, so that most runs are in flight when a pause comes.
pub(crate) const ANSWERS_AFTER: Duration = Duration::from_millis(300);

/// A server that answers each byte with a byte.
pub(crate) struct Dependency {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Health {
    Well,
    /// Accepts and reads, and never answers.
    Hung,
    /// Closes each connection.
    Dead,
}

struct State {
    health: AtomicU8,
    questions: AtomicUsize,
    answers_after: Duration,
}

impl Dependency {
    pub(crate) fn start(answers_after: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            health: AtomicU8::new(Health::Well as u8),
            questions: AtomicUsize::new(0),
            answers_after,
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.unwrap(), Arc::clone(&shared));
                thread::spawn(move || state.serve(stream));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers that are on their way follow it too.
    pub(crate) fn is(&self, health: Health) {
        self.state.health.store(health as u8, SeqCst);
    }

    /// Waits until a run is in flight: one that asks from now on.
    pub(crate) fn is_asked(&self) {
        let before = self.state.questions.load(SeqCst);
        wait_until("a question", || self.state.questions.load(SeqCst) > before);
    }
}

impl State {
    fn is(&self, health: Health) -> bool {
        self.health.load(SeqCst) == health as u8
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut question = [0];
        // The next question does not come before an answer: one that hangs waits for the end.
        while !self.is(Health::Dead) && matches!(stream.read(&mut question), Ok(1)) {
            self.questions.fetch_add(1, SeqCst);
            thread::sleep(self.answers_after);
            if self.is(Health::Well) && stream.write_all(&question).is_err() {
                return;
            }
        }
    }
}
