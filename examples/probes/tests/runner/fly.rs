//! Fly.io: routing, and signals.

use tower_health_probes::files::fly;
use tower_health_probes::platform::fly::Machine;
use tower_health_probes::platform::{End, Pace};
use tower_health_probes::tree;

use crate::support::{FAST, Stub, fixtures, wait_until};

#[test]
fn fly_switches_routing_by_the_check_of_the_service_and_restarts_nothing() {
    let stub = Stub::new();
    stub.make("readyz.503");
    let text = std::fs::read_to_string(fixtures().join("clean/fly.toml")).unwrap();
    let fly = fly::read(&tree::parse_toml(&text).unwrap());
    tower_health_probes::platform::fly::release(&fly, &stub.image()).unwrap();
    let mut machine = Machine::start(&fly, &stub.image(), Pace::times(FAST)).unwrap();
    wait_until("it was refused", || stub.answers("readyz", "503") >= 1);
    assert!(!machine.is_routed());
    stub.remove("readyz.503");
    machine.wait_routed(true);
    stub.make("readyz.503");
    machine.wait_routed(false);
    assert!(machine.is_running());
    assert_eq!(stub.starts(), 1);
    assert_eq!(machine.stop(), End::Signalled(15));
}

#[test]
fn fly_stops_by_the_signal_that_the_file_names() {
    let text = std::fs::read_to_string(fixtures().join("clean/fly.toml")).unwrap();
    for (name, number) in [("SIGINT", 2), ("SIGQUIT", 3), ("SIGUSR2", 12)] {
        let stub = Stub::new();
        let text = text.replace("SIGTERM", name);
        let fly = fly::read(&tree::parse_toml(&text).unwrap());
        let machine = Machine::start(&fly, &stub.image(), Pace::times(FAST)).unwrap();
        assert_eq!(machine.stop(), End::Signalled(number), "{name}");
    }
}
