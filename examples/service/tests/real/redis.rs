//! Redis, without which the service goes on.

use crate::support::http::{get, post, send};
use crate::support::redis::Redis;
use crate::support::service::Service;
use crate::support::wait_until;

#[test]
fn redis_caches_notes_and_the_service_goes_on_without_it() {
    let mut redis = Redis::start();
    let url = redis.url();
    let service = Service::start(&[], &[("REDIS_URL", &url)]).ready();
    wait_until("a check of Redis that passes", || {
        is_redis(&service, "pass")
    });
    post(service.api, "/api/notes", r#"{"text":"cached"}"#);
    let read = service.get("/api/notes/1");
    assert_eq!(redis.send("GET service:note:1"), read.body);
    assert_eq!(service.get("/api/notes/1").body, read.body);
    assert_ne!(redis.send("TTL service:note:1"), ":-1");

    redis.kill();
    wait_until("a check of Redis that warns", || is_redis(&service, "warn"));
    let ready = service.get("/readyz");
    assert_eq!((ready.code, &*ready.body), (200, r#"{"status":"warn"}"#));
    assert_eq!(service.get("/health").code, 200);
    assert_eq!(service.get("/api/notes/1").body, read.body);
    assert_eq!(
        post(service.api, "/api/notes", r#"{"text":"other"}"#).code,
        201
    );

    redis.bring_up();
    wait_until("a check of Redis that passes again", || {
        is_redis(&service, "pass")
    });
    service.get("/api/notes/1");
    wait_until("a cache that is used again", || {
        service.get("/api/notes/1");
        redis.send("GET service:note:1") == read.body
    });
    assert_eq!(
        send(service.api, "DELETE", "/api/notes/1", &[], "").code,
        204
    );
    assert_eq!(redis.send("EXISTS service:note:1"), ":0");
    assert_eq!(service.get("/api/notes/1").code, 404);
}

#[test]
fn without_a_url_there_is_no_check_of_redis() {
    let service = Service::start(&[], &[]).ready();
    assert!(!service.report("/readyz").contains("redis"));
}

fn is_redis(service: &Service, status: &str) -> bool {
    let report = get(service.management, "/readyz").json();
    let checks = report["checks"].as_object().unwrap();
    let of_redis = checks.iter().filter(|(name, _)| name.starts_with("redis"));
    let mut statuses = of_redis.flat_map(|(_, entries)| entries.as_array().unwrap());
    statuses.any(|entry| entry["status"] == status)
}
