//! What cannot be served, and what the error says.

use std::net::TcpListener;

use tower_health::management::{Management, ManagementError};
use tower_health::{Health, Status};

use super::support::listener;

fn error(set: impl FnOnce(Management) -> Management) -> ManagementError {
    let health = Health::fixed(Status::Pass);
    set(Management::new(&health)).serve(listener()).unwrap_err()
}

#[test]
fn a_listener_that_other_hosts_can_reach_needs_permission() {
    let health = Health::fixed(Status::Pass);
    for address in ["0.0.0.0:0", "[::]:0"] {
        // Not every host has version 6.
        let Ok(listener) = TcpListener::bind(address) else {
            assert_ne!(address, "0.0.0.0:0");
            continue;
        };
        let bound = listener.local_addr().unwrap();
        let error = health.serve_management(listener).unwrap_err();
        assert!(error.is_remote() && !error.is_io() && !error.is_option());
        let text = error.to_string();
        assert!(
            text.contains(&bound.to_string()) && text.contains("allow_remote"),
            "{text}"
        );
    }
    let anywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    let server = Management::new(&health)
        .allow_remote()
        .serve(anywhere)
        .unwrap();
    let own = format!("127.0.0.1:{}", server.address().unwrap().port());
    tower_health::self_probe(&own, "/livez", crate::support::PATIENCE).unwrap();
}

#[test]
fn an_address_that_is_taken_is_named() {
    let health = Health::fixed(Status::Pass);
    let taken = listener();
    let address = taken.local_addr().unwrap();
    let error = Management::new(&health).serve_on(address).unwrap_err();
    assert!(error.is_io());
    let text = error.to_string();
    assert!(
        text.contains(&format!("cannot listen on {address}: ")),
        "{text}"
    );
    assert_eq!(format!("{error:?}"), text);
    let server = Management::new(&health).serve_on("127.0.0.1:0").unwrap();
    assert!(server.is_running());
}

#[test]
fn options_that_cannot_work_are_named() {
    let cases = [
        (
            error(|port| port.bearer("")),
            "bearer token must not be empty",
        ),
        (
            error(|port| port.bearer("two words")),
            "bearer token must be printable ASCII",
        ),
        (
            error(Management::allow_drain),
            "`allow_drain` needs a bearer token",
        ),
        (
            error(|port| port.allow_host("a:80")),
            "allowed host \"a:80\": it must be a name",
        ),
        (
            error(|port| port.allow_host("")),
            "allowed host \"\": it is not a host name",
        ),
        (
            error(|port| port.connections(7)),
            "`connections` must be from 8 to 10000",
        ),
        (
            error(|port| port.connections(10_001)),
            "`connections` must be from 8 to 10000",
        ),
    ];
    for (error, expected) in cases {
        assert!(error.is_option(), "{expected}");
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn no_text_of_the_settings_shows_the_token() {
    let health = Health::fixed(Status::Pass);
    let management = Management::new(&health).bearer("s3cret");
    assert!(!format!("{management:?}").contains("s3cret"));
    let service = management.service().unwrap();
    assert!(!format!("{service:?}").contains("s3cret"));
}
