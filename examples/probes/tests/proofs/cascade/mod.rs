//! Eight instances and one database that goes away for 30 s: what the kit does, and the naive design.

mod outage;
mod sampler;
mod users;

use std::time::Duration;

use tower_health_probes::files::kubernetes::{self, Workload};
use tower_health_probes::platform::Image;
use tower_health_probes::tree;

use self::outage::{Fleet, Seen, outage};
use self::sampler::by_second;
use crate::support::{Place, Postgres, configuration, folder, port, workload};

const INSTANCES: usize = 8;

/// Two instances, one of each kind, have so many users each whose requests need the database.
const READERS: usize = 4;
const READ: [usize; 2] = [0, 1];

/// The size of a pool: what the requests of one instance open at once.
const POOL: usize = 10;

#[test]
fn a_database_that_is_away_for_30_s_restarts_nothing_and_cuts_only_what_needs_it() {
    let mut postgres = Postgres::start();
    let names: Vec<_> = (0..INSTANCES)
        .map(|number| format!("instance-{number}"))
        .collect();
    let places: Vec<_> = names
        .iter()
        .map(|name| Place::with_database(&postgres.url_of(name)))
        .collect();
    // Every other instance has the database as a check that is not critical.
    let lenient = configuration(
        places[0].folder.path(),
        "[health.checks.database]",
        "criticality = \"non_critical\"",
    );
    let images: Vec<_> = (places.iter().map(Place::image).enumerate())
        .map(|(number, image)| match number % 2 {
            0 => image,
            _ => image.env("CONFIG_DIR", lenient.to_str().unwrap()),
        })
        .collect();
    let words = [
        "/app/service",
        "--mode",
        "production",
        "--role",
        "maintenance",
        "--apply-migrations",
    ];
    let code = images[0]
        .run(&words.map(str::to_owned), &[], Duration::from_secs(60))
        .unwrap();
    assert_eq!(code, Some(0), "{}", places[0].log());

    let ports: Vec<_> = places.iter().map(|place| place.api).collect();
    let fleet = Fleet {
        name: "the kit",
        workload: &workload("kubernetes/deployment.yaml"),
        images: &images,
        ports: &ports,
        readiness: "/readyz",
        connected: &names,
        notes: &READ.map(|place| (place, READERS)),
    };
    let seen = outage(&fleet, &mut postgres);
    assert_eq!((seen.restarts, seen.crashes), (0, 0));
    for (number, traffic) in seen.traffic.iter().enumerate() {
        assert_eq!(traffic.lost, 0, "{traffic:?}");
        let is_critical = number % 2 == 0;
        assert_eq!(traffic.not_routed > 0, is_critical, "{traffic:?}");
    }
    assert!(seen.notes.iter().all(|traffic| traffic.lost > 0));
    reconnects(&seen, &names, ttl(fleet.workload));
}

/// A pool opens what its requests need at once, and not its size; a check opens at most one connection in
/// each run, at its own time.
fn reconnects(seen: &Seen, names: &[String], ttl: f64) {
    let (read, quiet): (Vec<_>, Vec<_>) = (seen.connections.iter())
        .partition(|connection| READ.iter().any(|number| connection.name == names[*number]));
    let seconds = by_second(quiet.iter().copied());
    println!("the kit: new connections of checks alone by second {seconds:?}");
    println!(
        "the kit: new connections of {} instances with {READERS} readers each by second {:?}",
        READ.len(),
        by_second(read.iter().copied()),
    );
    // Runs are a TTL apart, less its jitter of a tenth.
    let runs = 1 + (seen.window.as_secs_f64() / (0.9 * ttl)) as usize;
    for (number, name) in names.iter().enumerate() {
        let own = seen.connections.iter().filter(|one| one.name == *name);
        let count = own.count();
        let most = if READ.contains(&number) {
            POOL + runs
        } else {
            runs
        };
        assert!(
            count <= most,
            "{name} has opened {count}: {:?}",
            seen.connections
        );
    }
    // At once is what a cascade looks like: checks that run in step, or a pool that fills itself.
    let most = seconds.iter().max().copied().unwrap_or(0);
    assert!(most < quiet.len(), "all in one second: {seconds:?}");
}

/// Seconds between two runs of the check of the database in the pods of the kit.
fn ttl(workload: &Workload) -> f64 {
    let mut variables = workload.containers[0].env.iter();
    let (_, text) = variables
        .find(|(name, _)| name == "DATABASE_CHECK_TTL")
        .unwrap();
    text.strip_suffix('s').unwrap().parse().unwrap()
}

#[test]
fn the_naive_design_restarts_every_instance() {
    let seen = naive("naive", &|image| image);
    assert_eq!((seen.restarts, seen.crashes), (INSTANCES, 0));
    assert!(seen.traffic.iter().all(|traffic| traffic.not_routed > 0));
}

#[test]
fn the_naive_design_that_also_needs_the_database_to_start_stays_away_after_its_return() {
    let name = "naive, and ends if it cannot connect at its start";
    let seen = naive(name, &|image| image.env("NAIVE_START", "connects"));
    assert_eq!(seen.restarts, INSTANCES);
    assert!(seen.crashes > 0);
    assert!(seen.traffic.iter().map(|traffic| traffic.lost).sum::<u64>() > 0);
}

fn naive(name: &str, change: &dyn Fn(Image) -> Image) -> Seen {
    let mut postgres = Postgres::start();
    let ports: Vec<_> = (0..INSTANCES).map(|_| port()).collect();
    let folder = folder();
    let database = format!("127.0.0.1:{}", postgres.port);
    let image = |port: &u16| {
        let own = folder.path().join(port.to_string());
        std::fs::create_dir(&own).unwrap();
        let image = Image::new("/app/service", env!("CARGO_BIN_EXE_stub"))
            .port(8080, *port, "API_PORT")
            .env("STUB", own.to_str().unwrap())
            .env("NAIVE_DATABASE", database.clone());
        change(image)
    };
    let images: Vec<_> = ports.iter().map(image).collect();
    let fleet = Fleet {
        name,
        workload: &kubernetes::workloads(&tree::parse_yaml(NAIVE).unwrap()).remove(0),
        images: &images,
        ports: &ports,
        readiness: "/health",
        connected: &[],
        notes: &[],
    };
    outage(&fleet, &mut postgres)
}

/// Liveness on the database, with the defaults of Kubernetes.
const NAIVE: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: naive}
spec:
  template:
    spec:
      containers:
        - name: naive
          ports: [{name: api, containerPort: 8080}]
          livenessProbe: {httpGet: {path: /health, port: api}}
          readinessProbe: {httpGet: {path: /health, port: api}}
";
