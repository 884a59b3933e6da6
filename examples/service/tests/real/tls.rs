//! Postgres over TLS.

use crate::support::certificates::strange_authority;
use crate::support::postgres::Postgres;
use crate::support::service::{Service, run};

fn variables<'a>(url: &'a str, require_ssl: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("MODE", "production"),
        ("MANAGEMENT_TOKEN", "a-token"),
        ("DATABASE_URL", url),
        ("DATABASE_REQUIRE_SSL", require_ssl),
    ]
}

const MAINTENANCE: [&str; 3] = ["--role", "maintenance", "--apply-migrations"];

#[test]
fn with_require_ssl_it_reaches_a_server_that_takes_nobody_without_tls() {
    let postgres = Postgres::with_tls();
    let url = postgres.url();
    let service = Service::start(&["--apply-migrations"], &variables(&url, "true")).ready();
    assert_eq!(service.get("/api/notes").code, 200);
    let plain = "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
        WHERE usename = 'app' AND NOT ssl";
    assert_eq!(postgres.run(plain), "0");
    assert_ne!(postgres.run(&plain.replace("NOT ssl", "ssl")), "0");
}

/// TLS by chance would be lost by chance.
#[test]
fn without_require_ssl_it_does_not_fall_back_to_tls_when_told_not_to() {
    let postgres = Postgres::with_tls();
    let url = postgres.url() + "?sslmode=disable";
    let (code, output) = run(&MAINTENANCE, &variables(&url, "false"));
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("no encryption"), "{output}");
}

#[test]
fn with_require_ssl_it_refuses_a_server_without_tls_whatever_the_url_says() {
    let postgres = Postgres::start();
    for suffix in ["", "?sslmode=disable", "?sslmode=prefer"] {
        let url = postgres.url() + suffix;
        let (code, output) = run(&MAINTENANCE, &variables(&url, "true"));
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains("TLS"), "{output}");
        assert_eq!(
            postgres.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
            "0"
        );
    }
}

#[test]
fn with_a_root_certificate_it_refuses_a_server_of_another_authority() {
    let postgres = Postgres::with_tls();
    let url = postgres.url();
    let root = postgres.authority();
    let verified = |root: &str, url: &str| {
        let root = [("DATABASE_ROOT_CERTIFICATE", root)];
        run(
            &MAINTENANCE,
            &[&variables(url, "false")[..], &root].concat(),
        )
    };
    let (code, output) = verified(root.to_str().unwrap(), &url);
    assert_eq!(code, Some(0), "{output}");

    // The certificate is one for `localhost`.
    let by_address = url.replace("localhost", "127.0.0.1");
    let (code, output) = verified(root.to_str().unwrap(), &by_address);
    assert_eq!(code, Some(1), "{output}");
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.pem");
    std::fs::write(&other, strange_authority()).unwrap();
    let (code, output) = verified(other.to_str().unwrap(), &url);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("certificate"), "{output}");
}
