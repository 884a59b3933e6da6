//! nginx with TLS, from the shipped site file: redirects, protocols, headers, logs and WebSockets.

use tower_health_probes::platform::Process;

use crate::site::Site;
use crate::socket;
use crate::support::{Place, run, status, wait_until};

fn start(place: &Place) -> Process {
    let image = place.image().env("HEALTH_DRAIN_DELAY", "0s");
    let words = ["/app/service", "--mode", "staging", "--apply-migrations"].map(str::to_owned);
    let process = image.start(&words, &[]).unwrap();
    wait_until("the service is ready", || {
        status(place.api, "/readyz") == 200
    });
    process
}

#[test]
fn the_site_redirects_speaks_http_2_and_refuses_tls_1_1() {
    let place = Place::new();
    let _service = start(&place);
    let site = Site::start(&[place.api]);

    let plain = format!("http://127.0.0.1:{}/api/time?x=1", site.plain);
    let redirect = run("curl", &["-s", "-i", &plain]);
    assert!(redirect.starts_with("HTTP/1.1 301"), "{redirect}");
    assert!(
        redirect.contains("Location: https://api.example.com/api/time?x=1\r\n"),
        "{redirect}"
    );

    assert!(
        site.curl(&["--http2"], "/api/time")
            .starts_with("HTTP/2 200")
    );
    assert!(
        site.curl(&["--tls-max", "1.2", "--http1.1"], "/api/time")
            .starts_with("HTTP/1.1 200")
    );
    let address = format!("127.0.0.1:{}", site.secure);
    let old = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &address,
            "-tls1_1",
            "-cipher",
            "DEFAULT:@SECLEVEL=0",
        ])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(
        !old.status.success(),
        "{}",
        String::from_utf8_lossy(&old.stdout)
    );
    assert!(String::from_utf8_lossy(&old.stderr).contains("alert protocol version"));

    let seen = site
        .curl(&["--http1.1"], "/api/headers")
        .to_ascii_lowercase();
    for header in ["x-forwarded-proto", "x-real-ip", "x-forwarded-for"] {
        assert!(seen.contains(header), "{header}: {seen}");
    }
    assert!(
        !seen.contains("\"upgrade\""),
        "a plain request announces no upgrade: {seen}"
    );
}

#[test]
fn a_503_has_the_headers_too_and_no_probe_is_in_the_access_log() {
    // No database: readiness and startup fail.
    let place = Place::with_database("postgres://postgres@127.0.0.1:1/postgres");
    let words = ["/app/service", "--mode", "staging"].map(str::to_owned);
    let image = place.image();
    let _service = image.start(&words, &[]).unwrap();
    wait_until("the service listens", || status(place.api, "/livez") == 200);
    let site = Site::start(&[place.api]);

    let answer = site.curl(&["--http1.1"], "/readyz");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    for header in [
        "Strict-Transport-Security: max-age=63072000",
        "X-Frame-Options: DENY",
        "X-Content-Type-Options: nosniff",
        "X-XSS-Protection: 0",
    ] {
        assert!(answer.contains(header), "{header}: {answer}");
    }
    for probe in ["/livez", "/readyz", "/startupz", "/health"] {
        site.curl(&[], probe);
    }
    site.curl(&[], "/api/time");
    wait_until("the request is logged", || {
        site.access_log().contains("/api/time")
    });
    assert_eq!(
        site.access_log().lines().count(),
        1,
        "{}",
        site.access_log()
    );
}

#[test]
fn a_thousand_messages_of_a_web_socket_pass_through_nginx_and_the_layer() {
    let place = Place::new();
    let _service = start(&place);
    let site = Site::start(&[place.api]);
    let address = format!("127.0.0.1:{}", site.secure);
    let mut socket = socket::connect(&address);
    for number in 0..1000 {
        let sent = format!("message {number}");
        socket.send(&sent);
        assert_eq!(socket.receive(), sent);
    }
}
