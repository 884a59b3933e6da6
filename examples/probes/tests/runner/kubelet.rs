//! Kubernetes: what its probes do.

use tower_health_probes::files::kubernetes::Which;
use tower_health_probes::platform::kubelet::{Event, Pod};
use tower_health_probes::platform::prober::Verdict;
use tower_health_probes::platform::{End, Pace};

use crate::support::{FAST, MANIFEST, Stub, Traffic, count, from, is_failure, readiness, workload};

#[test]
fn startup_gates_the_other_probes_and_readiness_switches_traffic() {
    let stub = Stub::new();
    stub.make("startupz.503");
    let pod = Pod::start(&workload(), &stub.image(), Pace::times(FAST));
    pod.wait_for("three startup probes", |events| {
        count(events, Which::Startup) >= 3
    });
    assert_eq!(
        count(&pod.events(), Which::Readiness) + count(&pod.events(), Which::Liveness),
        0
    );
    assert!(!pod.is_ready());

    stub.remove("startupz.503");
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    let asked = count(&pod.events(), Which::Startup);
    stub.make("readyz.503");
    pod.wait_for("not ready", |events| events.last_traffic() == Some(false));
    // Two failures in a row: the threshold of the manifest.
    let events = pod.events();
    let at = events
        .iter()
        .rposition(|event| *event == Event::Unready)
        .unwrap();
    let before: Vec<_> = events[..at]
        .iter()
        .rev()
        .filter_map(readiness)
        .take(3)
        .collect();
    assert_eq!(before, [false, false, true]);
    stub.remove("readyz.503");
    pod.wait_for("ready again", |events| events.last_traffic() == Some(true));
    assert_eq!(
        count(&pod.events(), Which::Startup),
        asked,
        "startup is never asked again"
    );
    assert_eq!(pod.restarts(Which::Liveness), 0);
}

#[test]
fn a_hung_process_is_restarted_after_the_threshold_and_has_no_traffic_meanwhile() {
    let stub = Stub::new();
    let pod = Pod::start(&workload(), &stub.image(), Pace::times(FAST));
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    stub.make("livez.hang");
    pod.wait_for("a restart", |events| {
        events.contains(&Event::Failed(Which::Liveness))
    });
    stub.remove("livez.hang");
    pod.wait_for("another container with traffic", |events| {
        let started = events.iter().filter(|event| **event == Event::Started);
        started.count() >= 2 && events.last_traffic() == Some(true)
    });
    // Those of the first container: the second may meet the hang before it is taken away.
    let events = pod.events();
    let failures = events
        .iter()
        .take_while(|event| **event != Event::Failed(Which::Liveness))
        .filter(|event| is_failure(event, Which::Liveness))
        .count();
    assert_eq!(failures, 3);
    assert!(stub.starts() >= 2);
}

#[test]
fn a_startup_budget_that_is_spent_kills_the_container() {
    let stub = Stub::new();
    stub.make("startupz.503");
    let text = MANIFEST.replace("failureThreshold: 60", "failureThreshold: 4");
    let pod = Pod::start(&from(&text), &stub.image(), Pace::times(FAST));
    pod.wait_for("killed", |events| {
        events.contains(&Event::Failed(Which::Startup))
    });
    assert_eq!(count(&pod.events(), Which::Startup), 4);
    assert_eq!(count(&pod.events(), Which::Liveness), 0);
}

#[test]
fn a_redirect_elsewhere_passes_and_a_body_that_ends_early_counts_for_nothing() {
    let stub = Stub::new();
    stub.make("livez.elsewhere");
    stub.make("readyz.short");
    let pod = Pod::start(&workload(), &stub.image(), Pace::times(FAST));
    pod.wait_for("five of each", |events| {
        count(events, Which::Liveness) >= 5 && count(events, Which::Readiness) >= 5
    });
    let events = pod.events();
    assert!(
        !events
            .iter()
            .any(|event| is_failure(event, Which::Liveness))
    );
    assert!(events.iter().all(
        |event| !matches!(event, Event::Probed(Which::Readiness, verdict)
        if !matches!(verdict, Verdict::Unknown(_)))
    ));
    assert!(!pod.is_ready());
}

#[test]
fn the_kubelet_asks_as_it_was_recorded() {
    let stub = Stub::new();
    let pod = Pod::start(&workload(), &stub.image(), Pace::times(FAST));
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    let head = std::fs::read_to_string(stub.folder.path().join("readyz.head")).unwrap();
    let expected = format!(
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n",
        stub.port
    );
    assert_eq!(head, expected);
}

#[test]
fn a_process_that_ignores_sigterm_is_killed_after_its_grace_and_probed_until_then() {
    let stub = Stub::new();
    let text = MANIFEST.replace(
        "terminationGracePeriodSeconds: 30",
        "terminationGracePeriodSeconds: 2",
    );
    let image = stub.script("trap '' TERM; exec \"$0\"");
    let pod = Pod::start(&from(&text), &image, Pace::times(FAST));
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    let before = count(&pod.events(), Which::Readiness);
    let (events, end) = pod.delete();
    assert_eq!(end, Some(End::Killed));
    assert!(count(&events, Which::Readiness) > before);
}
