//! Reads `pg_stat_activity` ten times a second.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::run;

/// A connection that was seen.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// Its server process, and when that began.
    id: String,
    /// Whose it is.
    pub(super) name: String,
    /// When it was seen for the first time, after the return of the database.
    pub(super) after: Duration,
}

pub(super) struct Sampler {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Connection>>>,
    thread: JoinHandle<()>,
}

/// Each instance has a user of its own.
const QUERY: &str = "SELECT pid || '@' || extract(epoch FROM backend_start), usename FROM pg_stat_activity \
                     WHERE backend_type = 'client backend' AND usename <> 'postgres'";

impl Sampler {
    pub(super) fn start(port: u16, since: Instant) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let thread = std::thread::spawn({
            let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
            move || {
                while !stop.load(Ordering::SeqCst) {
                    sample(port, since, &seen);
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        });
        Self { stop, seen, thread }
    }

    /// Whose connections were seen.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|one| one.name.clone()).collect()
    }

    pub(super) fn finish(self) -> Vec<Connection> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.seen.lock().unwrap().clone()
    }
}

fn sample(port: u16, since: Instant, seen: &Mutex<Vec<Connection>>) {
    let port = port.to_string();
    let ask = [
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-U",
        "postgres",
        "-Atc",
        QUERY,
    ];
    let text = run("psql", &ask);
    let after = since.elapsed();
    let mut seen = seen.lock().unwrap();
    for (id, name) in text.lines().filter_map(|line| line.split_once('|')) {
        if seen.iter().all(|known| known.id != id) {
            seen.push(Connection {
                id: id.to_owned(),
                name: name.to_owned(),
                after,
            });
        }
    }
}

/// How many of these were new in each second.
pub(super) fn by_second<'a>(connections: impl Iterator<Item = &'a Connection>) -> Vec<usize> {
    let mut seconds = Vec::new();
    for connection in connections {
        let second = connection.after.as_secs() as usize;
        if seconds.len() <= second {
            seconds.resize(second + 1, 0);
        }
        seconds[second] += 1;
    }
    seconds
}
