//! A pool without a server, which counts its connections as the pools of the real crates do.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::sleep;
use tower_health::indicators::{
    ConnectionPool, DatabasePool, DatabaseQueries, DatabaseState, PoolFault, PoolState,
};

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

pub(crate) const AT_ONCE: Answer = Answer::After(Duration::ZERO);

/// What comes of the pool's attempt to open a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Growth {
    Opens,
    /// Each new one breaks off the first query.
    Breaks,
    /// The server accepts none, which the pool reports at once.
    Refused,
    /// The pool tries again and again, and counts what it tries as open, as sqlx does.
    Retried,
}

/// What the pool does with an idle connection before it gives it away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Test {
    None,
    /// It closes the connection if the caller gives up meanwhile.
    Ping,
    /// A hook of the application that never ends.
    Hangs,
}

#[derive(Clone)]
pub(crate) struct ToyPool(Arc<Mutex<Toy>>);

struct Toy {
    most: usize,
    /// The answers of those that are idle.
    idle: VecDeque<Answer>,
    in_use: usize,
    /// What `state()` returns, if not the numbers above.
    state: Option<Option<PoolState>>,
    growth: Growth,
    test: Test,
    hides_idle: bool,
    login: Duration,
    beside: Answer,
    counts: Counts,
}

/// What the pool has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) taken: usize,
    pub(crate) connected: usize,
    pub(crate) discarded: usize,
    pub(crate) written: usize,
}

impl ToyPool {
    /// With one idle connection of five. All answer at once.
    pub(crate) fn new() -> Self {
        Self::with([AT_ONCE], 5)
    }

    /// With idle connections that answer so, and room for `most`. New ones answer at once.
    pub(crate) fn with(idle: impl IntoIterator<Item = Answer>, most: usize) -> Self {
        Self(Arc::new(Mutex::new(Toy {
            most,
            idle: idle.into_iter().collect(),
            in_use: 0,
            state: None,
            growth: Growth::Opens,
            test: Test::None,
            hides_idle: false,
            login: Duration::ZERO,
            beside: Answer::After(Duration::from_millis(1)),
            counts: Counts::default(),
        })))
    }

    /// Sets what the pool says of itself, whatever it does.
    pub(crate) fn says(&self, state: Option<PoolState>) {
        self.toy().state = Some(state);
    }

    pub(crate) fn grows(&self, growth: Growth) {
        self.toy().growth = growth;
    }

    pub(crate) fn tests(&self, test: Test) {
        self.toy().test = test;
    }

    /// Gives an idle connection only to callers that would wait for one: as a pool does that has no
    /// `take_idle`.
    pub(crate) fn hides_idle(&self) {
        self.toy().hides_idle = true;
    }

    pub(crate) fn beside(&self, answer: Answer) {
        self.toy().beside = answer;
    }

    /// How long it takes to open a connection beside the pool.
    pub(crate) fn login(&self, time: Duration) {
        self.toy().login = time;
    }

    /// The application takes all that the pool may have.
    pub(crate) fn exhaust(&self) {
        let mut toy = self.toy();
        toy.idle.clear();
        toy.in_use = toy.most;
    }

    /// The application takes the idle ones, and no other.
    pub(crate) fn take_idle_away(&self) {
        let mut toy = self.toy();
        toy.in_use += toy.idle.len();
        toy.idle.clear();
    }

    /// The application gives one back, which answers so from now on.
    pub(crate) fn release(&self, answer: Answer) {
        let mut toy = self.toy();
        toy.in_use -= 1;
        toy.idle.push_back(answer);
    }

    /// The application closes one that it has.
    pub(crate) fn close(&self) {
        self.toy().in_use -= 1;
    }

    pub(crate) fn release_after(&self, time: Duration) {
        self.release_later(time, AT_ONCE);
    }

    /// The application gives one back after this time, which answers so from then on.
    pub(crate) fn release_later(&self, time: Duration, answer: Answer) {
        let pool = self.clone();
        tokio::spawn(async move {
            sleep(time).await;
            pool.release(answer);
        });
    }

    /// All that are idle answer so from now on.
    pub(crate) fn idle_answer(&self, answer: Answer) {
        self.toy().idle.iter_mut().for_each(|idle| *idle = answer);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.toy().counts
    }

    fn toy(&self) -> MutexGuard<'_, Toy> {
        self.0.lock().unwrap()
    }

    fn pooled(&self, answer: Answer) -> Pooled {
        self.toy().in_use += 1;
        Pooled {
            connection: Connection(answer),
            pool: self.clone(),
            is_closed: false,
        }
    }

    fn pop_idle(&self) -> Option<Pooled> {
        let answer = self.toy().idle.pop_front()?;
        Some(self.pooled(answer))
    }
}

pub(crate) struct Connection(Answer);

/// Goes back on drop.
pub(crate) struct Pooled {
    connection: Connection,
    pool: ToyPool,
    is_closed: bool,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut toy = self.pool.toy();
        toy.in_use -= 1;
        if !self.is_closed {
            toy.idle.push_back(self.connection.0);
        }
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
        let toy = self.toy();
        let open = toy.in_use + toy.idle.len();
        toy.state
            .unwrap_or(Some(PoolState::new(open, toy.idle.len(), toy.most)))
    }

    fn connection<'a>(&self, pooled: &'a mut Pooled) -> &'a mut Connection {
        &mut pooled.connection
    }

    async fn take(&self) -> Result<Pooled, PoolFault> {
        let mut pooled = loop {
            if let Some(mut pooled) = self.pop_idle() {
                let test = self.toy().test;
                pooled.is_closed = test != Test::None;
                match test {
                    Test::None => {}
                    Test::Ping => self.ping(&mut pooled.connection).await?,
                    Test::Hangs => pending().await,
                }
                break pooled;
            }
            let has_room = self.state().is_none_or(|_| {
                let toy = self.toy();
                toy.in_use < toy.most
            });
            let growth = self.toy().growth;
            match growth {
                _ if !has_room => sleep(Duration::from_millis(1)).await,
                Growth::Opens => break self.pooled(AT_ONCE),
                Growth::Breaks => break self.pooled(Answer::Breaks),
                Growth::Refused => return Err(PoolFault::Full),
                Growth::Retried => {
                    let mut place = self.pooled(Answer::Never);
                    place.is_closed = true;
                    pending().await
                }
            }
        };
        pooled.is_closed = false;
        self.toy().counts.taken += 1;
        Ok(pooled)
    }

    async fn take_idle(&self) -> Option<Pooled> {
        if self.toy().hides_idle {
            return None;
        }
        self.pop_idle()
    }

    async fn connect(&self) -> Result<Connection, PoolFault> {
        let (login, answer) = {
            let mut toy = self.toy();
            toy.counts.connected += 1;
            (toy.login, toy.beside)
        };
        sleep(login).await;
        match answer {
            Answer::Full => Err(PoolFault::Full),
            answer => Ok(Connection(answer)),
        }
    }

    async fn ping(&self, connection: &mut Connection) -> Result<(), PoolFault> {
        match connection.0 {
            Answer::After(time) => sleep(time).await,
            Answer::Never => pending().await,
            Answer::Breaks => return Err(PoolFault::Broken),
            Answer::Refuses => return Err(PoolFault::Refused),
            Answer::Full => return Err(PoolFault::Full),
        }
        Ok(())
    }

    fn discard(&self, mut pooled: Pooled) {
        self.toy().counts.discarded += 1;
        pooled.is_closed = true;
    }

    fn fault(&self, error: &PoolFault) -> PoolFault {
        *error
    }

    fn describe(&self, error: &PoolFault) -> String {
        format!("{error:?}").to_lowercase()
    }
}

impl DatabasePool for ToyPool {
    async fn query(
        &self,
        connection: &mut Connection,
        _: &DatabaseQueries,
    ) -> Result<DatabaseState, PoolFault> {
        self.ping(connection).await?;
        Ok(DatabaseState::answers())
    }

    async fn write(
        &self,
        _: &mut Connection,
        _: &str,
        _: &DatabaseQueries,
    ) -> Result<(), PoolFault> {
        self.toy().counts.written += 1;
        Ok(())
    }
}
