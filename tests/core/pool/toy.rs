//! A pool without a server.

use std::future::pending;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tower_health::indicators::{ConnectionPool, PoolFault, PoolState};

/// What comes of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    After(Duration),
    Never,
    Breaks,
    Refuses,
    /// The server accepts no connection.
    Full,
}

#[derive(Clone)]
pub(crate) struct ToyPool {
    pooled: Answer,
    state: Option<PoolState>,
    shared: Arc<Shared>,
}

struct Shared {
    beside: Mutex<Answer>,
    gives: AtomicBool,
    taken: AtomicUsize,
    connected: AtomicUsize,
    discarded: AtomicUsize,
}

impl ToyPool {
    /// With one idle connection of five. All answer at once.
    pub(crate) fn new() -> Self {
        Self {
            pooled: Answer::After(Duration::ZERO),
            state: Some(PoolState::new(1, 1, 5)),
            shared: Arc::new(Shared {
                beside: Mutex::new(Answer::After(Duration::from_millis(1))),
                gives: AtomicBool::new(true),
                taken: AtomicUsize::new(0),
                connected: AtomicUsize::new(0),
                discarded: AtomicUsize::new(0),
            }),
        }
    }

    pub(crate) fn pooled(mut self, answer: Answer) -> Self {
        self.pooled = answer;
        self
    }

    pub(crate) fn state(mut self, state: Option<PoolState>) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn gives_none(self) -> Self {
        self.take_away();
        self
    }

    pub(crate) fn beside(&self, answer: Answer) {
        *self.shared.beside.lock().unwrap() = answer;
    }

    pub(crate) fn give(&self) {
        self.shared.gives.store(true, Ordering::SeqCst);
    }

    pub(crate) fn take_away(&self) {
        self.shared.gives.store(false, Ordering::SeqCst);
    }

    pub(crate) fn taken(&self) -> usize {
        self.shared.taken.load(Ordering::SeqCst)
    }

    pub(crate) fn connected(&self) -> usize {
        self.shared.connected.load(Ordering::SeqCst)
    }

    pub(crate) fn discarded(&self) -> usize {
        self.shared.discarded.load(Ordering::SeqCst)
    }
}

pub(crate) struct Connection(Answer);

pub(crate) struct Pooled(Connection);

impl Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl ConnectionPool for ToyPool {
    type Connection = Connection;
    type Pooled = Pooled;
    type Error = PoolFault;

    fn address(&self) -> String {
        "toys:4711".to_owned()
    }

    fn state(&self) -> Option<PoolState> {
        self.state
    }

    async fn take(&self) -> Result<Pooled, PoolFault> {
        if !self.shared.gives.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        self.shared.taken.fetch_add(1, Ordering::SeqCst);
        // The first is that which was idle; each further one is new.
        let answer = match (self.taken(), self.pooled) {
            (1, answer) | (_, answer @ Answer::Breaks) => answer,
            _ => Answer::After(Duration::ZERO),
        };
        Ok(Pooled(Connection(answer)))
    }

    async fn connect(&self) -> Result<Connection, PoolFault> {
        self.shared.connected.fetch_add(1, Ordering::SeqCst);
        let answer = *self.shared.beside.lock().unwrap();
        match answer {
            Answer::Full => Err(PoolFault::Full),
            answer => Ok(Connection(answer)),
        }
    }

    async fn ping(&self, connection: &mut Connection) -> Result<(), PoolFault> {
        match connection.0 {
            Answer::After(time) => tokio::time::sleep(time).await,
            Answer::Never => pending().await,
            Answer::Breaks => return Err(PoolFault::Broken),
            Answer::Refuses => return Err(PoolFault::Refused),
            Answer::Full => return Err(PoolFault::Full),
        }
        Ok(())
    }

    fn discard(&self, _: Pooled) {
        self.shared.discarded.fetch_add(1, Ordering::SeqCst);
    }

    fn fault(&self, error: &PoolFault) -> PoolFault {
        *error
    }

    fn describe(&self, error: &PoolFault) -> String {
        format!("{error:?}").to_lowercase()
    }
}
