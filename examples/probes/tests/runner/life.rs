//! Kubernetes: how containers begin, end and begin again.

use tower_health_probes::files::kubernetes::{Which, Workload};
use tower_health_probes::platform::kubelet::{Event, Pod};
use tower_health_probes::platform::prober::Verdict;
use tower_health_probes::platform::{End, Pace};

use crate::support::{FAST, MANIFEST, Stub, Traffic, from, is_failure, wait_until, workload};

#[test]
fn a_pod_without_a_readiness_probe_has_traffic_as_soon_as_it_has_started() {
    let stub = Stub::new();
    stub.make("startupz.503");
    let mut workload = workload();
    workload.containers[0].readiness = None;
    let pod = Pod::start(&workload, &stub.image(), Pace::times(FAST));
    pod.wait_for("a startup probe", |events| {
        events.iter().any(|event| is_failure(event, Which::Startup))
    });
    assert!(!pod.is_ready());
    stub.remove("startupz.503");
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
}

#[test]
fn traffic_ends_with_the_deletion_though_readiness_still_passes() {
    let stub = Stub::new();
    let pod = Pod::start(
        &hooked(
            "exec: {command: [/bin/sh, -c, 'until [ -e $STUB/go ]; do sleep 0.01; done']}",
            60,
        ),
        &stub.image(),
        Pace::times(FAST),
    );
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    let before = stub.answers("readyz", "200");
    let events = std::thread::scope(|scope| {
        let deleted = scope.spawn(|| pod.delete().0);
        wait_until("it was asked twice more", || {
            stub.answers("readyz", "200") > before + 2
        });
        stub.make("go");
        deleted.join().unwrap()
    });
    let unready = events.iter().position(|event| *event == Event::Unready);
    let later = &events[unready.unwrap()..];
    assert!(later.contains(&Event::Probed(Which::Readiness, Verdict::Success)));
    assert!(!later.contains(&Event::Ready), "{later:#?}");
}

#[test]
fn a_probe_over_tls_fails_at_a_process_that_speaks_none() {
    let stub = Stub::new();
    let text = MANIFEST.replace("path: /readyz,", "path: /readyz, scheme: HTTPS,");
    let pod = Pod::start(&from(&text), &stub.image(), Pace::times(FAST));
    pod.wait_for("a readiness probe", |events| {
        events
            .iter()
            .any(|event| matches!(event, Event::Probed(Which::Readiness, _)))
    });
    let passed = Event::Probed(Which::Readiness, Verdict::Success);
    assert!(!pod.events().contains(&passed));
}

#[test]
fn the_hook_runs_before_a_container_is_ended_for_its_liveness_too() {
    let stub = Stub::new();
    let pod = Pod::start(
        &hooked(
            "exec: {command: [/bin/sh, -c, 'echo hook >>$STUB/hooks']}",
            30,
        ),
        &stub.image(),
        Pace::times(FAST),
    );
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    stub.make("livez.503");
    pod.wait_for("an end", |events| {
        events.contains(&Event::Ended(End::Signalled(15)))
    });
    assert!(stub.text("hooks").starts_with("hook\n"));
}

#[test]
fn a_hook_that_takes_all_of_the_grace_leaves_time_to_end() {
    let stub = Stub::new();
    let image = stub.script("trap 'exit 3' TERM; \"$0\" & wait");
    let pod = Pod::start(&hooked("sleep: {seconds: 1}", 1), &image, Pace::times(FAST));
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    assert_eq!(pod.delete().1, Some(End::Exited(3)));
}

#[test]
fn a_container_that_ends_is_started_again_at_once_and_a_deletion_ends_its_next_pause() {
    let stub = Stub::new();
    let image = stub.script("exit 1");
    // The first pause of ten seconds would take more than two hours.
    let pod = Pod::start(&workload(), &image, Pace::times(0.001));
    pod.wait_for("the second end", |events| {
        events
            .iter()
            .filter(|event| **event == Event::Crashed)
            .count()
            == 2
    });
    let (events, end) = pod.delete();
    let starts = events.iter().filter(|event| **event == Event::Started);
    assert_eq!(starts.count(), 2);
    assert_eq!(end, None);
}

#[test]
fn the_stop_signal_of_the_image_ends_a_container() {
    let stub = Stub::new();
    let pod = Pod::start(
        &workload(),
        &stub.image().stop_signal("SIGQUIT"),
        Pace::times(FAST),
    );
    pod.wait_for("ready", |events| events.last_traffic() == Some(true));
    assert_eq!(pod.delete().1, Some(End::Signalled(3)));
}

/// The manifest with this hook and this grace.
fn hooked(hook: &str, grace: u64) -> Workload {
    let hook = format!("lifecycle: {{preStop: {{{hook}}}}}\n          startupProbe:");
    from(&MANIFEST.replace("startupProbe:", &hook).replace(
        "GracePeriodSeconds: 30",
        &format!("GracePeriodSeconds: {grace}"),
    ))
}
