//! `service healthcheck`, as an image runs it.

use rustix::process::Signal;

use crate::support::service::{Service, run};

/// Its exit code, and what it prints.
fn healthcheck(arguments: &[&str], port: u16) -> (Option<i32>, String) {
    let port = port.to_string();
    run(
        &[&["healthcheck"], arguments].concat(),
        &[("API_PORT", &port)],
    )
}

#[test]
fn it_exits_0_while_the_probe_passes_and_1_when_it_fails() {
    let drain = ("HEALTH_DRAIN_DELAY", "10m");
    let service = Service::start(&[], &[drain]).ready();
    assert_eq!(healthcheck(&[], service.api), (Some(0), String::new()));
    let port = service.management.to_string();
    assert_eq!(healthcheck(&["--port", &port], 1).0, Some(0));
    let url = format!("http://127.0.0.1:{}", service.web);
    assert_eq!(healthcheck(&["--url", &url], 1).0, Some(0));

    service.terminate();
    service.await_code("/readyz", 503);
    let (code, output) = healthcheck(&[], service.api);
    assert_eq!(code, Some(1));
    assert!(
        output.contains("/readyz") && output.contains("503"),
        "{output}"
    );
    assert_eq!(healthcheck(&["--probe", "livez"], service.api).0, Some(0));
    assert_eq!(
        healthcheck(&["--probe", "startupz"], service.api).0,
        Some(0)
    );
}

#[test]
fn it_exits_1_if_nobody_listens() {
    // No server gets this port unless it asks for it.
    let (code, output) = healthcheck(&[], 1);
    assert_eq!(code, Some(1));
    assert!(output.contains("refused"), "{output}");
}

#[test]
fn it_exits_1_within_its_timeout_if_nobody_answers() {
    let service = Service::start(&[], &[]).ready();
    service.process.signal(Signal::STOP);
    let (code, output) = healthcheck(&["--timeout", "300ms"], service.api);
    service.process.signal(Signal::CONT);
    assert_eq!(code, Some(1));
    assert!(output.contains("300ms"), "{output}");
}

#[test]
fn it_needs_no_settings_and_no_secrets() {
    let service = Service::start(&[], &[]).ready();
    let port = service.api.to_string();
    let variables = [("API_PORT", &*port), ("MODE", "production")];
    assert_eq!(run(&["healthcheck"], &variables).0, Some(0));
}
