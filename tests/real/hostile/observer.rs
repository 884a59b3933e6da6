//! The eyes inside of the service: a thread that asks for readiness as a prober does, however busy
//! the runtime is.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tower_health::{Health, Probe, Status, Subject, Transition};

use super::child::{LONGEST_TURN_MS, Runs, SPINS};
use super::logs;
use super::setup::{Look, Seen, Told, now_ms};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(5);

#[derive(Clone)]
pub(super) struct Observer(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    seen: Look,
    /// When it became red, if it is.
    red_since: Option<u64>,
    health: Option<Health>,
    runs: Runs,
}

impl Observer {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn start(&self, health: Health, runs: Runs, address: SocketAddr) {
        {
            let mut memory = self.0.lock().unwrap();
            memory.health = Some(health.clone());
            memory.runs = runs;
            memory.seen.address = Some(address);
        }
        let observer = self.clone();
        thread::spawn(move || {
            loop {
                let is_red = health.status(Probe::Readiness) == Status::Fail;
                observer.0.lock().unwrap().note(is_red);
                thread::sleep(EVERY);
            }
        });
    }

    /// The listener of the service.
    pub(super) fn heard(&self, transition: &Transition) {
        // There are hundreds of these in each second.
        if matches!(&transition.subject, Subject::Check { name, .. } if name.starts_with("flapping"))
        {
            return;
        }
        let output = transition.output.clone();
        let told = Told {
            subject: transition.subject.to_string(),
            is_probe: matches!(transition.subject, Subject::Probe(_)),
            to: transition.to.to_string(),
            cause: transition.cause.map(|cause| cause.to_string()),
            output,
            duration: transition.duration,
            lateness: transition.lateness,
            at_ms: now_ms(),
        };
        self.0.lock().unwrap().seen.transitions.push(told);
    }

    pub(super) fn forget(&self) {
        let mut memory = self.0.lock().unwrap();
        memory.seen = Look {
            address: memory.seen.address,
            ..Look::default()
        };
    }

    pub(super) fn look(&self) -> Look {
        let mut memory = self.0.lock().unwrap();
        let health = memory.health.clone().unwrap();
        let is_ready = health.status(Probe::Readiness) != Status::Fail;
        memory.note(!is_ready);
        let snapshot = health.snapshot();
        let lateness = health.lateness();
        let runs = memory.runs.iter().zip(snapshot.checks(Probe::Readiness));
        let checks = runs.map(|((name, runs), check)| {
            assert_eq!(name, check.name());
            Seen {
                name: name.clone(),
                status: check.status().to_string(),
                output: check
                    .output()
                    .map(|output| output.chars().take(200).collect()),
                runs: runs.load(Relaxed),
            }
        });
        Look {
            is_ready,
            is_alive: health.status(Probe::Liveness) != Status::Fail,
            restarts: health.refresher_restarts(),
            missed_by_listeners: health.missed_by_listeners(),
            missed_by_log: health.missed_by_log(),
            longest_turn_ms: LONGEST_TURN_MS.load(Relaxed),
            spins: SPINS.load(Relaxed),
            logged: logs::LOGGED.load(Relaxed),
            starved_runs: lateness.starved_runs,
            worst_lateness_ms: lateness.worst.as_millis().try_into().unwrap(),
            checks: checks.collect(),
            ..memory.seen.clone()
        }
    }
}

impl Memory {
    fn note(&mut self, is_red: bool) {
        self.seen.looks += 1;
        if is_red {
            self.seen.red_looks += 1;
        }
        let now = now_ms();
        if let Some(since) = self.red_since {
            self.seen.longest_red_ms = self.seen.longest_red_ms.max(now - since);
        }
        self.red_since = is_red.then(|| self.red_since.unwrap_or(now));
    }
}
