//! The course of an outage: everything is ready, the database goes and comes back, everything is ready.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tower_health_probes::files::kubernetes::{Which, Workload};
use tower_health_probes::platform::kubelet::{Event, Pod};
use tower_health_probes::platform::{Image, Pace};

use super::sampler::{Connection, Sampler};
use super::users::{Traffic, User, wait_served};
use crate::support::{Postgres, status, wait_until};

const OUTAGE: Duration = Duration::from_secs(30);

/// What goes through it.
pub(super) struct Fleet<'a> {
    pub(super) name: &'a str,
    pub(super) workload: &'a Workload,
    pub(super) images: &'a [Image],
    pub(super) ports: &'a [u16],
    /// What answers 200 if an instance is ready.
    pub(super) readiness: &'a str,
    /// Users of the database that the end waits for.
    pub(super) connected: &'a [String],
    /// Those who ask for `/api/notes`: how many at which instances.
    pub(super) notes: &'a [(usize, usize)],
}

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) restarts: usize,
    /// How many containers ended by themselves.
    pub(super) crashes: usize,
    /// What needs no database, for each instance.
    pub(super) traffic: Vec<Traffic>,
    /// What needs it.
    pub(super) notes: Vec<Traffic>,
    /// Those that are new since the return.
    pub(super) connections: Vec<Connection>,
    /// The time in which they were.
    pub(super) window: Duration,
}

pub(super) fn outage(fleet: &Fleet<'_>, postgres: &mut Postgres) -> Seen {
    let name = fleet.name;
    let start = |image| Arc::new(Pod::start(fleet.workload, image, Pace::REAL));
    let pods: Vec<_> = fleet.images.iter().map(start).collect();
    for pod in &pods {
        pod.wait_for("ready", |events| events.contains(&Event::Ready));
    }
    let users: Vec<_> = (pods.iter().zip(fleet.ports))
        .map(|(pod, port)| User::start(pod, *port, "/api/time"))
        .collect();
    let places = fleet.notes.iter();
    let places = places.flat_map(|(place, count)| std::iter::repeat_n(*place, *count));
    let readers: Vec<_> = places
        .map(|place| User::start(&pods[place], fleet.ports[place], "/api/notes"))
        .collect();
    let everyone: Vec<_> = users.iter().chain(&readers).collect();
    wait_served(&everyone, 50);

    postgres.stop();
    std::thread::sleep(OUTAGE);
    postgres.begin();
    let back = Instant::now();
    let sampler = Sampler::start(postgres.port, back);
    wait_until("every instance is ready", || {
        let mut ports = fleet.ports.iter();
        ports.all(|port| status(*port, fleet.readiness) == 200)
    });
    let ready = back.elapsed();
    wait_until("every pod has traffic", || {
        pods.iter().all(|pod| pod.is_ready())
    });
    let routed = back.elapsed();
    wait_until("every instance is connected", || {
        let names = sampler.names();
        fleet.connected.iter().all(|name| names.contains(name))
    });
    wait_served(&everyone, 20);
    let connections = sampler.finish();
    let window = back.elapsed();
    let traffic: Vec<_> = users.into_iter().map(User::finish).collect();
    let notes: Vec<_> = readers.into_iter().map(User::finish).collect();
    let restarts = pods.iter().map(|pod| pod.restarts(Which::Liveness)).sum();
    let crashed = |event: &Event| *event == Event::Crashed;
    let crashes = pods
        .iter()
        .map(|pod| pod.events().into_iter().filter(crashed).count())
        .sum();
    let log = postgres.log();
    let logged = log
        .lines()
        .filter(|line| line.contains("connection authorized"));
    // Those of the sampler itself do not count.
    let logged = logged.filter(|line| !line.contains("application_name=psql"));
    println!(
        "{name}: restarts by liveness {restarts}, ends at the start {crashes}; all ready {:.1} s after the \
         return, all with traffic after {:.1} s; {} new connections logged in {:.1} s",
        ready.as_secs_f64(),
        routed.as_secs_f64(),
        logged.count(),
        window.as_secs_f64(),
    );
    for (what, traffic) in [("no database", &traffic), ("the database", &notes)] {
        let sum = |of: fn(&Traffic) -> u64| traffic.iter().map(of).sum::<u64>();
        println!(
            "{name}: requests that need {what}: {}, lost {}, sent while not ready {}",
            sum(|traffic| traffic.requests),
            sum(|traffic| traffic.lost),
            sum(|traffic| traffic.not_routed),
        );
    }
    Seen {
        restarts,
        crashes,
        traffic,
        notes,
        connections,
        window,
    }
}
