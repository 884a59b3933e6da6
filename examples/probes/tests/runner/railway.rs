//! Railway: one health check for each deployment, and one signal at its end.

use std::time::Duration;

use tower_health_probes::files::railway;
use tower_health_probes::platform::railway::{Failed, deploy};
use tower_health_probes::platform::{End, Pace};
use tower_health_probes::tree;

use crate::support::{FAST, Stub, fixtures, wait_until};

#[test]
fn railway_moves_traffic_on_the_first_200_and_never_asks_again() {
    let stub = Stub::new();
    stub.make("readyz.503");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("it was refused twice", || {
                stub.answers("readyz", "503") >= 2
            });
            stub.remove("readyz.503");
        });
        // Deaf for the time of its drain, in which a health check would come many times.
        let image = stub.script(DEAF);
        let mut railway = railway(120);
        railway.draining = Duration::from_secs(1);
        let mut deployment = deploy(&railway, &[(image, stub.port)], Pace::times(FAST)).unwrap();
        assert_eq!(stub.answers("readyz", "200"), 1);
        let refused = stub.answers("readyz", "503");
        assert!(refused >= 2);
        assert!(deployment.asked > refused);
        assert!(deployment.is_running());
        assert_eq!(deployment.remove(), [End::Killed]);
        assert_eq!(stub.answers("readyz", "200"), 1);
        assert_eq!(stub.answers("readyz", "503"), refused);
    });
    let head = stub.text("readyz.head");
    assert!(head.contains("Host: healthcheck.railway.app\r\n"), "{head}");
}

#[test]
fn railway_keeps_the_old_deployment_if_the_new_one_or_its_migration_fails() {
    let stub = Stub::new();
    stub.make("readyz.503");
    let images = [(stub.image(), stub.port)];
    let failed = deploy(&railway(2), &images, Pace::times(FAST));
    assert_eq!(
        failed.unwrap_err(),
        Failed::Unhealthy("status 503".to_owned())
    );
    stub.make("migration.fails");
    let failed = deploy(&railway(2), &images, Pace::times(FAST));
    assert_eq!(failed.unwrap_err(), Failed::Before(Some(1)));
}

#[test]
fn each_replica_gets_one_signal_when_a_deployment_is_removed() {
    let stubs = [Stub::new(), Stub::new()];
    let images = [
        (stubs[0].image(), stubs[0].port),
        (stubs[1].script(DEAF), stubs[1].port),
    ];
    let mut railway = railway(120);
    railway.replicas = 2;
    railway.draining = Duration::from_secs(2);
    let deployment = deploy(&railway, &images, Pace::times(FAST)).unwrap();
    // The second one still runs when the first has ended.
    assert_eq!(deployment.remove(), [End::Signalled(15), End::Killed]);
    assert_eq!(stubs[1].text("signals"), "TERM\n");
}

/// Counts its signals, and serves on.
const DEAF: &str = "trap 'echo TERM >>\"$STUB/signals\"' TERM
case \"$*\" in *maintenance*) exec \"$0\" \"$@\";; esac
\"$0\" \"$@\" & while :; do wait $!; done";

fn railway(timeout: u64) -> railway::Railway {
    let text = std::fs::read_to_string(fixtures().join("clean/railway.toml")).unwrap();
    let text = text.replace(
        "[deploy]",
        "[deploy]\npreDeployCommand = [\"/app/service --role maintenance\"]",
    );
    let mut railway = railway::read(&tree::parse_toml(&text).unwrap());
    railway.timeout = Duration::from_secs(timeout * 50);
    railway
}
