//! A machine with nothing but the binary.

use serde_json::json;

use crate::support::http::{get, post, send};
use crate::support::service::{self, Service};

#[test]
fn it_serves_on_a_bare_machine_and_every_listener_answers_probes() {
    let service = Service::start(&[], &[]).ready();
    for port in [service.api, service.web, service.management] {
        for probe in ["/livez", "/readyz", "/startupz"] {
            assert_eq!(get(port, probe).code, 200, "{probe}");
        }
    }
    // To strangers, the status alone.
    assert_eq!(service.get("/readyz").body, r#"{"status":"pass"}"#);
    for port in [service.api, service.web] {
        let health = get(port, "/health");
        assert_eq!(health.code, 200);
        assert_eq!(health.json(), json!({"healthy": true, "version": "0.1.0"}));
        assert!(
            health.head.contains("cache-control: no-store"),
            "{health:?}"
        );
    }
    assert!(get(service.web, "/").body.contains("<title>Notes</title>"));
    assert_eq!(get(service.web, "/api/time").code, 404);
    assert!(service.report("/readyz").contains(r#""database""#));
    let log = service.stop();
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn the_api_keeps_notes() {
    let service = Service::start(&[], &[]).ready();
    assert_eq!(service.get("/api/notes").json(), json!([]));
    let created = post(service.api, "/api/notes", r#"{"text":"first"}"#);
    assert_eq!(created.code, 201, "{created:?}");
    assert!(
        created.head.contains("location: /api/notes/1"),
        "{created:?}"
    );
    post(service.api, "/api/notes", r#"{"text":"second"}"#);

    let listed = service.get("/api/notes").json();
    assert_eq!(listed[0]["text"], "second");
    assert_eq!(listed[1], created.json());
    let older = service.get("/api/notes?before=2").json();
    assert_eq!(older, json!([created.json()]));
    assert_eq!(service.get("/api/notes/1").json(), created.json());

    let delete = |path| send(service.api, "DELETE", path, &[], "").code;
    assert_eq!(delete("/api/notes/1"), 204);
    assert_eq!(delete("/api/notes/1"), 404);
    assert_eq!(service.get("/api/notes/1").code, 404);
    for (body, why) in [
        (r#"{"text":""}"#, "an empty text"),
        (
            &*json!({"text": "x".repeat(4097)}).to_string(),
            "a long text",
        ),
        (
            r#"{"text":"a\u0000b"}"#,
            "NUL, which Postgres does not store",
        ),
        ("{}", "no text"),
    ] {
        assert_eq!(post(service.api, "/api/notes", body).code, 422, "{why}");
    }
    assert_eq!(post(service.api, "/api/notes", "{").code, 400);
    let time = service.get("/api/time").json();
    assert!(humantime::parse_rfc3339(time["time"].as_str().unwrap()).is_ok());
}

#[test]
fn a_restart_keeps_the_notes_and_applies_no_migration_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("below").join("notes.db");
    let url = format!("sqlite:{}", file.display());
    let variables = [("DATABASE_URL", &*url)];
    let first = Service::start(&[], &variables).ready();
    post(first.api, "/api/notes", r#"{"text":"kept"}"#);
    let log = first.stop();
    assert!(log.contains("applied=2"), "{log}");
    let second = Service::start(&[], &variables).ready();
    assert_eq!(second.get("/api/notes").json()[0]["text"], "kept");
    let log = second.stop();
    assert!(log.contains("applied=0"), "{log}");
}

#[test]
fn header_fields_are_shown_to_see_what_a_proxy_makes_of_them_but_not_in_production() {
    let service = Service::start(&[], &[]).ready();
    let fields = ["x-forwarded-for: 192.0.2.7", "x-forwarded-for: 192.0.2.8"];
    let seen = send(service.api, "GET", "/api/headers", &fields, "").json();
    assert_eq!(seen["x-forwarded-for"], json!(["192.0.2.7", "192.0.2.8"]));
    let production = [
        ("MODE", "production"),
        ("DATABASE_URL", "sqlite:notes.db"),
        ("MANAGEMENT_TOKEN", "a-token"),
    ];
    let service = Service::start(&["--apply-migrations"], &production).ready();
    assert_eq!(service.get("/api/headers").code, 404);
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let first = Service::start(&[], &[]);
    let port = first.api.to_string();
    for (variable, listener) in [
        ("API_PORT", "api"),
        ("WEB_PORT", "web"),
        ("MANAGEMENT_PORT", "management"),
    ] {
        let (code, output) = service::run(&[], &[(variable, &port)]);
        assert_eq!(code, Some(1), "{output}");
        let error = output
            .lines()
            .find(|line| line.starts_with("service: "))
            .unwrap();
        assert!(
            error.contains(listener) && error.contains(&port),
            "{output}"
        );
    }
}
