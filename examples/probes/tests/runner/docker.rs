//! Docker and compose: health, and the order of services.

use std::collections::BTreeMap;
use std::time::Duration;

use tower_health_probes::files::{compose, dockerfile};
use tower_health_probes::platform::compose::{Stand, up as compose_up};
use tower_health_probes::platform::docker::{Container, Health};
use tower_health_probes::platform::{End, Pace};
use tower_health_probes::tree;

use crate::support::{FAST, Stub, wait_until};

#[test]
fn docker_marks_a_container_and_leaves_it_running() {
    let stub = Stub::new();
    stub.make("readyz.503");
    let file = dockerfile::parse(
        "FROM debian\nHEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
         CMD [\"/app/service\", \"healthcheck\"]\n",
    );
    let check = file.healthcheck(file.target(None).unwrap()).unwrap();
    let image = stub.image();
    let container = Container::start(
        image.entrypoint(),
        &[],
        Some(&check),
        &image,
        Pace::times(FAST),
    )
    .unwrap();
    container.wait_for(Health::Unhealthy);
    stub.remove("readyz.503");
    container.wait_for(Health::Healthy);
    stub.make("readyz.503");
    container.wait_for(Health::Unhealthy);
    assert!(container.is_running());
    assert_eq!(stub.starts(), 1);
    let history = container.history();
    assert_eq!(
        history,
        [
            Health::Starting,
            Health::Unhealthy,
            Health::Healthy,
            Health::Unhealthy
        ]
    );
}

#[test]
fn a_failure_counts_if_its_run_begins_after_the_start_period() {
    let stub = Stub::new();
    stub.make("readyz.503");
    // The only run begins at 5 s; the next one would be too late for every test.
    let file = dockerfile::parse(
        "FROM debian\nHEALTHCHECK --interval=10h --start-interval=5s --start-period=3s --retries=1 \
         CMD [\"/app/service\", \"healthcheck\"]\n",
    );
    let check = file.healthcheck(file.target(None).unwrap()).unwrap();
    let image = stub.image();
    let words = image.entrypoint();
    let container = Container::start(words, &[], Some(&check), &image, Pace::times(FAST)).unwrap();
    container.wait_for(Health::Unhealthy);
}

#[test]
fn docker_and_compose_stop_by_the_signal_that_their_file_names() {
    let stub = Stub::new();
    let image = stub.image().stop_signal("SIGUSR1");
    let container =
        Container::start(image.entrypoint(), &[], None, &image, Pace::times(FAST)).unwrap();
    assert_eq!(container.stop(GRACE), Some(End::Signalled(10)));

    let text = "services: {service: {image: example/service, stop_signal: SIGINT}}";
    let services = compose::services(&tree::parse_yaml(text).unwrap()[0], None);
    let stands = BTreeMap::from([("service".to_owned(), Stand::Image(image, None))]);
    let up = compose_up(&services, &stands, Pace::times(FAST));
    let container = up.unwrap().running.remove("service").unwrap();
    assert_eq!(container.stop(GRACE), Some(End::Signalled(2)));

    let image = stub.image().stop_signal("SIGFOO");
    let refused = Container::start(image.entrypoint(), &[], None, &image, Pace::times(FAST));
    assert!(refused.unwrap_err().to_string().contains("SIGFOO"));
}

const GRACE: Duration = Duration::from_secs(60);

#[test]
fn compose_starts_a_service_when_what_it_waits_for_is_healthy_and_completed() {
    let (database, service) = (Stub::new(), Stub::new());
    database.make("readyz.503");
    let root = &tree::parse_yaml(COMPOSE).unwrap()[0];
    let stands = BTreeMap::from([
        ("database".to_owned(), Stand::Image(database.image(), None)),
        ("migrate".to_owned(), Stand::Image(service.image(), None)),
        ("service".to_owned(), Stand::Image(service.image(), None)),
    ]);
    let services = compose::services(root, None);
    let project = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the database was refused", || {
                database.answers("readyz", "503") >= 1
            });
            database.remove("readyz.503");
        });
        compose_up(&services, &stands, Pace::times(FAST)).unwrap()
    });
    assert_eq!(
        project.log,
        [
            "database started",
            "database healthy",
            "migrate started",
            "migrate completed",
            "database healthy",
            "service started",
        ]
    );
    project.running["service"].wait_for(Health::Healthy);

    drop(project);
    service.make("migration.fails");
    let failed = compose_up(&services, &stands, Pace::times(FAST));
    assert!(failed.unwrap_err().starts_with("migrate didn't complete"));
}

const COMPOSE: &str = "
services:
  database:
    image: example/database
    healthcheck: {test: [CMD, /app/service, healthcheck], interval: 2s, timeout: 3s, retries: 50}
  migrate:
    image: example/service
    command: [--role, maintenance]
    depends_on: {database: {condition: service_healthy}}
  service:
    image: example/service
    healthcheck: {test: [CMD, /app/service, healthcheck], interval: 2s, timeout: 3s}
    depends_on:
      migrate: {condition: service_completed_successfully}
      database: {condition: service_healthy}
";
