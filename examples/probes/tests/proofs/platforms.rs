//! The runner on the shipped files, against the real service.

use std::collections::BTreeMap;

use tower_health_probes::files::kubernetes::Which;
use tower_health_probes::files::{compose, fly, railway};
use tower_health_probes::platform::compose::Stand;
use tower_health_probes::platform::docker::{Container, Health};
use tower_health_probes::platform::kubelet::{Event, Pod};
use tower_health_probes::platform::prober::Verdict;
use tower_health_probes::platform::{End, Image, Pace};
use tower_health_probes::tree;

use crate::support::{
    Place, Postgres, deploy, image_healthcheck, service_settings, status, wait_until, workload,
};

/// Pauses of the platforms pass so many times faster.
const PACE: f64 = 10.0;

#[test]
fn kubernetes_sends_traffic_after_startup_and_readiness_and_takes_it_away_with_the_database() {
    kubernetes("kubernetes/deployment.yaml");
}

#[test]
fn kubernetes_does_the_same_by_grpc() {
    kubernetes("kubernetes-grpc/deployment.yaml");
}

fn kubernetes(file: &str) {
    let mut postgres = Postgres::start();
    let place = Place::with_database(&postgres.url());
    // The Job before the Deployment.
    migrate(&place.image(), "kubernetes/migration.yaml");

    let pod = Pod::start(&workload(file), &place.image(), Pace::times(PACE));
    pod.wait_for("ready", |events| events.contains(&Event::Ready));
    wait_until("notes are served", || {
        status(place.api, "/api/notes") == 200
    });
    let before = pod.events();
    let startup = before
        .iter()
        .position(|event| *event == Event::StartupPassed)
        .unwrap();
    let first_other = before
        .iter()
        .position(|event| matches!(event, Event::Probed(Which::Liveness | Which::Readiness, _)));
    assert!(
        startup < first_other.unwrap(),
        "startup gates the others: {before:#?}"
    );

    postgres.stop();
    pod.wait_for("traffic off", |events| {
        events.last() != Some(&Event::Ready) && events.contains(&Event::Unready)
    });
    assert_eq!(
        status(place.api, "/api/time"),
        200,
        "what needs no database is served"
    );
    postgres.begin();
    pod.wait_for("traffic on", |events| {
        events
            .iter()
            .filter(|event| **event == Event::Ready)
            .count()
            == 2
    });
    assert_eq!(
        pod.restarts(Which::Liveness) + pod.restarts(Which::Startup),
        0
    );
    assert_eq!(
        pod.events()
            .iter()
            .filter(|event| **event == Event::Started)
            .count(),
        1
    );

    let (events, end) = pod.delete();
    assert_eq!(end, Some(End::Exited(0)), "{}", place.log());
    let last = events
        .iter()
        .rev()
        .find(|event| matches!(event, Event::Probed(Which::Readiness, _)));
    assert!(
        matches!(last, Some(Event::Probed(_, Verdict::Failure(_)))),
        "readiness fails in a drain"
    );
}

#[test]
fn kubernetes_restarts_a_process_that_hangs() {
    let place = Place::new();
    migrate(&place.image(), "kubernetes/migration.yaml");
    let pod = Pod::start(
        &workload("kubernetes/deployment.yaml"),
        &place.image(),
        Pace::times(PACE),
    );
    pod.wait_for("ready", |events| events.contains(&Event::Ready));
    let first = pod.pid();
    crate::support::run("kill", &["-STOP", &first.to_string()]);
    pod.wait_for("traffic off", |events| events.contains(&Event::Unready));
    pod.wait_for("a restart", |events| {
        events.contains(&Event::Failed(Which::Liveness))
    });
    crate::support::run("kill", &["-CONT", &first.to_string()]);
    pod.wait_for("ready again", |events| {
        events
            .iter()
            .filter(|event| **event == Event::Ready)
            .count()
            == 2
    });
    assert_ne!(pod.pid(), first);
}

#[test]
fn docker_marks_the_container_while_the_database_is_down_and_never_restarts_it() {
    let mut postgres = Postgres::start();
    let place = Place::with_database(&postgres.url());
    let image = place.image();
    // Entry point and command of the Dockerfile.
    let words = ["/app/service", "--mode", "production", "--apply-migrations"].map(str::to_owned);
    let check = image_healthcheck();
    let container = Container::start(&words, &[], Some(&check), &image, Pace::times(PACE)).unwrap();
    container.wait_for(Health::Healthy);
    postgres.stop();
    container.wait_for(Health::Unhealthy);
    assert!(container.is_running());
    postgres.begin();
    container.wait_for(Health::Healthy);
    let end = container.stop(std::time::Duration::from_secs(30));
    assert_eq!(end, Some(End::Exited(0)), "{}", place.log());
}

#[test]
fn compose_migrates_when_postgres_is_healthy_and_then_starts_the_service() {
    let postgres = Postgres::start();
    let place = Place::with_database(&postgres.url());
    let root = &tree::parse_yaml(&deploy("compose.yaml")).unwrap()[0];
    let folder = crate::support::examples().join("deploy");
    let services = compose::services(root, Some(&folder));
    // The health check of the file, with the port and the names of this machine.
    let port = postgres.port.to_string();
    let pg_isready = [
        "sh",
        "-c",
        &format!("exec pg_isready -h 127.0.0.1 -p {port}"),
    ];
    let outside = Image::default().program("pg_isready", &pg_isready);
    let image = place.image().env("REDIS_URL", "");
    let stands = BTreeMap::from([
        ("postgres".to_owned(), Stand::Outside(outside)),
        ("migrate".to_owned(), Stand::Image(image.clone(), None)),
        (
            "service".to_owned(),
            Stand::Image(image, Some(image_healthcheck())),
        ),
    ]);
    let up = tower_health_probes::platform::compose::up(&services, &stands, Pace::times(PACE));
    let mut project = up.unwrap_or_else(|error| panic!("{error}: {}", place.log()));
    let order = [
        "postgres started",
        "postgres healthy",
        "migrate started",
        "migrate completed",
    ];
    assert_eq!(project.log[..4], order);
    let container = project.running.remove("service").unwrap();
    container.wait_for(Health::Healthy);
    wait_until("notes are served", || {
        status(place.api, "/api/notes") == 200
    });
    let service = services
        .iter()
        .find(|service| service.name == "service")
        .unwrap();
    assert_eq!(container.stop(service.stop_grace), Some(End::Exited(0)));
}

#[test]
fn railway_migrates_waits_for_a_200_and_drains_the_old_deployment() {
    let postgres = Postgres::start();
    let places = [
        Place::with_database(&postgres.url()),
        Place::with_database(&postgres.url()),
    ];
    let railway = railway::read(&tree::parse_toml(&deploy("railway.toml")).unwrap());
    assert_eq!(railway.replicas, 2);
    // Railway sets PORT, and nothing else about listeners.
    let images = places
        .each_ref()
        .map(|place| (place.image().env("API_PORT", ""), place.api));
    let mut deployment =
        tower_health_probes::platform::railway::deploy(&railway, &images, Pace::times(PACE))
            .unwrap();
    assert!(deployment.is_running());
    for place in &places {
        wait_until("notes are served", || {
            status(place.api, "/api/notes") == 200
        });
    }
    let settings = service_settings();
    let begin = std::time::Instant::now();
    assert_eq!(deployment.remove(), [End::Exited(0), End::Exited(0)]);
    // A second signal would have ended the delay.
    assert!(!settings.drain_delay.is_zero());
    assert!(begin.elapsed() >= settings.drain_delay);
}

#[test]
fn railway_keeps_the_old_deployment_if_the_new_one_has_no_database() {
    let place = Place::with_database("postgres://postgres@127.0.0.1:1/postgres");
    let mut railway = railway::read(&tree::parse_toml(&deploy("railway.toml")).unwrap());
    let deploy = |railway: &railway::Railway, patience: &str| {
        let image = place.image().env("API_PORT", "");
        let images = [(image.env("MIGRATION_TIMEOUT", patience), place.api)];
        tower_health_probes::platform::railway::deploy(railway, &images, Pace::times(100.0))
            .unwrap_err()
    };
    use tower_health_probes::platform::railway::Failed;
    assert_eq!(deploy(&railway, "2s"), Failed::Before(Some(1)));
    railway.before.clear();
    assert_eq!(
        deploy(&railway, "240s"),
        Failed::Unhealthy("status 503".to_owned())
    );
}

#[test]
fn fly_migrates_and_routes_by_readiness_without_a_restart() {
    let mut postgres = Postgres::start();
    let place = Place::with_database(&postgres.url());
    let fly = fly::read(&tree::parse_toml(&deploy("fly.toml")).unwrap());
    let image = place.image();
    tower_health_probes::platform::fly::release(&fly, &image).unwrap();
    use tower_health_probes::platform::fly::Machine;
    let mut machine = Machine::start(&fly, &image, Pace::times(PACE)).unwrap();
    machine.wait_routed(true);
    wait_until("notes are served", || {
        status(place.api, "/api/notes") == 200
    });
    postgres.stop();
    machine.wait_routed(false);
    assert!(machine.is_running());
    postgres.begin();
    machine.wait_routed(true);
    wait_until("notes are served", || {
        status(place.api, "/api/notes") == 200
    });
    assert_eq!(machine.stop(), End::Exited(0), "{}", place.log());
}

/// Runs the container of the Job to its end.
fn migrate(image: &Image, file: &str) {
    let text = deploy(file);
    let roots = tree::parse_yaml(&text).unwrap();
    let job = tower_health_probes::files::kubernetes::workloads(&roots).remove(0);
    let args = image
        .entrypoint()
        .iter()
        .chain(&job.containers[0].args)
        .cloned()
        .collect::<Vec<_>>();
    let code = image
        .run(&args, &[], std::time::Duration::from_secs(60))
        .unwrap();
    assert_eq!(code, Some(0));
}
