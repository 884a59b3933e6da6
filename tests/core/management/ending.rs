//! The end of the port: nothing is left, whoever goes first.

use std::io::Read;
use std::net::TcpStream;

use tower_health::{Health, Status, WeakHealth};

use super::support::Port;
use crate::support::child::is_alone;
use crate::support::{Dial, steady, wait_until};

/// Whether a thread of the port exists. The system cuts its name to 15 bytes.
fn has_thread() -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.flatten().any(|task| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.starts_with("health-manageme"))
    })
}

fn is_refused(port: &Port) -> bool {
    TcpStream::connect(port.address()).is_err()
}

#[test]
fn with_the_last_handle_thread_listener_and_connections_go() {
    if !is_alone(
        module_path!(),
        "with_the_last_handle_thread_listener_and_connections_go",
    ) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start_on(runtime.handle())
        .unwrap();
    let weak: WeakHealth = health.downgrade();
    let port = Port::of(&health);
    let mut open = port.connect();
    wait_until("readiness", || port.get("/readyz/db").code == 200);
    assert!(has_thread() && port.server.is_running());

    drop(health);
    assert!(
        weak.upgrade().is_none(),
        "the port does not keep the health alive"
    );
    wait_until("the end of the thread", || {
        !has_thread() && !port.server.is_running()
    });
    assert_eq!(open.read(&mut [0; 1]).unwrap_or_default(), 0);
    assert!(is_refused(&port));
}

#[test]
fn dropping_the_handle_of_the_port_changes_nothing_and_stopping_it_ends_it() {
    if !is_alone(
        module_path!(),
        "dropping_the_handle_of_the_port_changes_nothing_and_stopping_it_ends_it",
    ) {
        return;
    }
    let health = Health::fixed(Status::Pass);
    let port = Port::of(&health);
    let address = port.address().to_string();
    drop(port);
    let probe = || tower_health::self_probe(&address, "/livez", crate::support::PATIENCE);
    probe().unwrap();
    drop(health);
    wait_until("the end of the thread", || !has_thread());
    assert!(probe().is_err());

    let health = Health::fixed(Status::Pass);
    let port = Port::of(&health);
    let address = port.address();
    let mut open = port.connect();
    port.server.stop();
    assert!(!has_thread(), "it has ended when the call returns");
    assert_eq!(open.read(&mut [0; 1]).unwrap_or_default(), 0);
    assert!(TcpStream::connect(address).is_err());
    drop(health);
}

#[test]
fn the_port_outlives_the_runtime_of_the_application_and_says_so() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start_on(runtime.handle())
        .unwrap();
    let port = Port::of(&health);
    wait_until("readiness", || port.get("/readyz").code == 200);
    drop(runtime);
    wait_until("a failure of readiness", || port.get("/readyz").code == 503);
    let body = port.get("/readyz").body;
    assert!(body.contains("its tokio runtime has ended"), "{body}");
    assert_eq!(port.get("/info").json()["refresher"], "gone");
}
