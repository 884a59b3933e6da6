//! A process in the place of a container.

use rustix::process::Signal as Kill;
use std::time::Duration;

use tower_health_probes::platform::{End, Image};

use crate::support::{Stub, wait_until};

#[test]
fn a_process_sees_no_variable_of_the_runner() {
    // Cargo sets it for the tests, as a shell of a developer may set `REDIS_URL`.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let words = [
        "/bin/sh",
        "-c",
        "test -z \"$CARGO_MANIFEST_DIR\" && test -n \"$PATH\"",
    ];
    let code = Image::default().run(&words.map(str::to_owned), &[], Duration::from_secs(60));
    assert_eq!(code.unwrap(), Some(0));
}

#[test]
fn what_a_process_has_started_ends_with_it() {
    let stub = Stub::new();
    let script = "sleep 3600 & echo $! >\"$STUB/new\"; mv \"$STUB/new\" \"$STUB/child\"; wait";
    let image = stub.script(script);
    let mut process = image.start(image.entrypoint(), &[]).unwrap();
    wait_until("the child runs", || !stub.text("child").is_empty());
    let child = stub.text("child");
    assert!(runs(&child));
    assert_eq!(
        process.stop(Kill::TERM, Duration::from_secs(60)),
        End::Signalled(15)
    );
    wait_until("the child is gone", || !runs(&child));
}

#[test]
fn a_command_that_takes_too_long_is_killed_with_all_that_it_has_started() {
    let stub = Stub::new();
    let script =
        "trap '' TERM; sleep 3600 & echo $! >\"$STUB/new\"; mv \"$STUB/new\" \"$STUB/child\"; wait";
    let image = stub.script(script);
    let mut process = image.start(image.entrypoint(), &[]).unwrap();
    wait_until("the child runs", || !stub.text("child").is_empty());
    assert_eq!(process.stop(Kill::TERM, Duration::ZERO), End::Killed);
    let child = stub.text("child");
    wait_until("the child is gone", || !runs(&child));
}

/// Whether this process runs; one that nobody has waited for does not.
fn runs(number: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", number.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
