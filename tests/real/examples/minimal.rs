//! The smallest example, which has no settings: it listens on port 3000, which must be free.

use std::time::{Duration, Instant};

use super::support::Service;
use crate::support::wait_until;

#[test]
fn the_minimal_example_serves_and_drains() {
    let mut service = Service::start_on("127.0.0.1:3000", "minimal");
    let readyz = |expected: &str| {
        wait_until("the readiness", || service.get("/readyz") == expected);
        assert_eq!(service.get("/"), "200 hello\n");
    };
    readyz(r#"200 {"status":"pass"}"#);

    let sent = Instant::now();
    service.terminate();
    readyz(r#"503 {"status":"fail"}"#);
    service.end();
    assert!(sent.elapsed() >= Duration::from_secs(5));
}
