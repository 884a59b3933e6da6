//! What a test asks of the service, and what the service tells it: lines of JSON.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// The timeout of every check: longer than any pause between two turns of a busy runtime.
pub(crate) const TIMEOUT_MS: u64 = 2_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// `None` for a runtime of the current thread.
    pub(crate) workers: Option<usize>,
    pub(crate) checks: Vec<CheckSetup>,
    pub(crate) log: Log,
    /// Whether the listener blocks for ever, or remembers what it hears.
    pub(crate) listener_blocks: bool,
    /// Tasks that take this much of the processor in each turn, for ever.
    pub(crate) spinners: usize,
    pub(crate) spin_ms: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CheckSetup {
    pub(crate) name: String,
    pub(crate) ttl_ms: u64,
    pub(crate) is_critical: bool,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Asks the dependency so many questions over a new connection.
    Asks { questions: usize },
    /// Gives up by itself, before the refresher would.
    AsksWithin { questions: usize, ms: u64 },
    /// Takes this much of the processor, a little in each turn, as a handshake does.
    Computes { ms: u64 },
    /// Asks one question over a connection that it keeps.
    AsksOnKept,
    /// Passes at once.
    Passes,
    /// Measures the lag of the runtime.
    Lags,
    /// Fails every second time, with a text of so many bytes.
    Flaps { bytes: usize },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Log {
    None,
    /// As the stock formatter writes it: to the standard output.
    Stdout,
    /// As it writes it to a file, on a disk that is full.
    FullDisk,
    /// A layer panics on this many events, and takes those after them.
    Panics {
        events: u64,
    },
}

impl Setup {
    pub(crate) fn new(workers: Option<usize>, checks: Vec<CheckSetup>) -> Self {
        Self {
            workers,
            checks,
            log: Log::None,
            listener_blocks: false,
            spinners: 0,
            spin_ms: 0,
        }
    }
}

impl CheckSetup {
    pub(crate) fn new(name: impl Into<String>, ttl_ms: u64, kind: Kind) -> Self {
        Self {
            name: name.into(),
            ttl_ms,
            is_critical: true,
            kind,
        }
    }

    /// Runs that are in flight most of the time: with one answer to wait for, with three, and one that
    /// gives up by itself, as the built-in indicators do.
    pub(crate) fn in_flight() -> Vec<Self> {
        let one = Kind::Asks { questions: 1 };
        let three = Kind::Asks { questions: 3 };
        let own = Kind::AsksWithin {
            questions: 3,
            ms: 1_800,
        };
        let checks = [("one", one), ("three", three), ("own", own)];
        checks.map(|(name, kind)| Self::new(name, 200, kind)).into()
    }

    /// One that has no say in readiness.
    pub(crate) fn flapping(name: String, ttl_ms: u64, bytes: usize) -> Self {
        Self {
            is_critical: false,
            ..Self::new(name, ttl_ms, Kind::Flaps { bytes })
        }
    }
}

/// What the test tells the service to do. Each is answered with a [`Look`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Command {
    Look,
    /// Forget what was seen until now.
    Forget,
    /// So many tasks block their worker for this long.
    Block {
        tasks: usize,
        ms: u64,
    },
    /// Open files until the limit is reached.
    TakeDescriptors,
    FreeDescriptors,
}

/// What was seen in the service since it was told to forget.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) is_ready: bool,
    pub(crate) is_alive: bool,
    pub(crate) restarts: u64,
    pub(crate) missed_by_listeners: u64,
    pub(crate) missed_by_log: u64,
    /// Events that reached a layer after it had panicked.
    pub(crate) logged: u64,
    pub(crate) starved_runs: u64,
    pub(crate) worst_lateness_ms: u64,
    /// Turns of the tasks that spin, of all together.
    pub(crate) spins: u64,
    /// From one turn of such a task to its next.
    pub(crate) longest_turn_ms: u64,
    pub(crate) looks: u64,
    pub(crate) red_looks: u64,
    /// From the first red look to the next green one, for as long as the longest.
    pub(crate) longest_red_ms: u64,
    pub(crate) transitions: Vec<Told>,
    pub(crate) checks: Vec<Seen>,
    /// Where the service is served.
    pub(crate) address: Option<SocketAddr>,
}

/// A transition that the listener heard of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) subject: String,
    pub(crate) is_probe: bool,
    pub(crate) to: String,
    pub(crate) cause: Option<String>,
    pub(crate) output: Option<String>,
    /// How long the run took of the time of the process, and how late the refresher was meanwhile.
    pub(crate) duration: Option<Duration>,
    pub(crate) lateness: Duration,
    /// On the clock of [`now_ms`].
    pub(crate) at_ms: u64,
}

/// The latest state of a check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) output: Option<String>,
    /// Runs that its indicator has ended.
    pub(crate) runs: u64,
}

impl Look {
    /// The transitions that blame a dependency, by a word or by the lack of another one.
    pub(crate) fn blames(&self) -> Vec<&Told> {
        let is_blame = |told: &&Told| told.cause.as_deref() == Some("failed");
        self.transitions.iter().filter(is_blame).collect()
    }

    pub(crate) fn failures(&self) -> Vec<&Told> {
        let is_failure = |told: &&Told| told.to == "fail";
        self.transitions.iter().filter(is_failure).collect()
    }

    /// Asserts that no failure blames a dependency, or the age of a result.
    pub(crate) fn assert_only_starved(&self) {
        let is_starved = |told: &&Told| told.cause.as_deref() == Some("starved");
        assert!(
            self.failures().iter().all(is_starved),
            "{:?}",
            self.failures()
        );
    }

    pub(crate) fn check(&self, name: &str) -> &Seen {
        let found = self.checks.iter().find(|check| check.name == name);
        found.unwrap_or_else(|| panic!("no check {name}"))
    }
}

/// The monotonic clock, which all processes share and which goes on while one is paused.
pub(crate) fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap() * 1_000 + u64::try_from(now.tv_nsec).unwrap() / 1_000_000
}
