//! The program for images without curl, as Docker runs it.

use tower_health::{Health, Status};

use super::support::command;

fn healthcheck(arguments: &[&str]) -> (Option<i32>, String) {
    let output = command("healthcheck").args(arguments).output().unwrap();
    assert!(output.stdout.is_empty());
    let line = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), line)
}

#[test]
fn its_exit_code_is_that_of_the_probe_and_its_line_says_why() {
    let health = Health::fixed(Status::Pass);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = health.serve_management(listener).unwrap();
    let address = server.address().unwrap().to_string();
    assert_eq!(
        healthcheck(&[&address, "/readyz"]),
        (Some(0), String::new())
    );
    assert_eq!(healthcheck(&[&address]), (Some(0), String::new()));
    health.drain();
    let (code, line) = healthcheck(&[&address, "/readyz", "30s"]);
    let expected = format!("healthcheck: {address}/readyz: status 503: ");
    assert!(code == Some(1) && line.starts_with(&expected), "{line}");
    assert_eq!(healthcheck(&[&address, "/livez"]).0, Some(0));
    server.stop();
    let (code, line) = healthcheck(&[&address, "/livez"]);
    let expected = format!("healthcheck: {address}/livez: cannot connect: ");
    assert!(code == Some(1) && line.starts_with(&expected), "{line}");
}

#[test]
fn wrong_arguments_are_a_failure_that_shows_the_usage() {
    for arguments in [
        &["--help"][..],
        &["a:1", "/", "soon"],
        &["a:1", "/", "1s", "more"],
    ] {
        let (code, line) = healthcheck(arguments);
        assert!(
            code == Some(1) && line.contains("usage: healthcheck"),
            "{line}"
        );
    }
    let (code, line) = healthcheck(&["localhost"]);
    assert!(
        code == Some(1) && line.contains("it must be host:port"),
        "{line}"
    );
}
