//! DNS rebinding, tried from a real browser.
//!
//! The browser loads a page of an attacker under the attacker's name. Then the name leads to the
//! management port: for the browser, what the script of the page requests there is of the same origin,
//! so nothing but the port itself keeps the answer from it.

use std::io::{Read, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tower_health::{Health, Status};

/// Requests every route and writes what it got into the document.
const PAGE: &str = "<!DOCTYPE html><title>attack</title><script type=module>
let seen = '';
for (const path of ['/info', '/', '/events', '/history', '/metrics', '/readyz/fixed', '/readyz?verbose']) {
  const response = await fetch(path);
  seen += `[${path} ${response.status} ${(await response.text()).trim()}]`;
}
document.body.append(seen);
</script>";

/// Answers the first request with the page, as the server of the attacker does, and leads every later
/// connection to the port.
fn rebind(port: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let has_page = Arc::new(AtomicBool::new(false));
        for client in listener.incoming() {
            let (client, has_page) = (client.unwrap(), Arc::clone(&has_page));
            // A browser opens connections ahead, and may be silent on them for long.
            thread::spawn(move || serve(client, port, &has_page));
        }
    });
    address
}

fn serve(mut client: TcpStream, port: SocketAddr, has_page: &AtomicBool) {
    let mut first = [0; 4096];
    let read = client.read(&mut first).unwrap_or_default();
    if read == 0 {
        return;
    }
    if !has_page.swap(true, Ordering::Relaxed) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n";
        let length = format!("content-length: {}\r\n\r\n", PAGE.len());
        let page = format!("{head}{length}{PAGE}");
        client.write_all(page.as_bytes()).unwrap();
        return;
    }
    let mut server = TcpStream::connect(port).unwrap();
    server.write_all(&first[..read]).unwrap();
    let (mut upward, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = copy(&mut upward, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut server, &mut client);
}

#[test]
#[ignore = "needs chromium"]
fn a_page_whose_name_leads_to_the_port_reads_nothing_but_a_status() {
    let health = Health::fixed(Status::Fail);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = health.serve_management(listener).unwrap();
    let address = rebind(server.address().unwrap());
    let profile = tempfile::tempdir().unwrap();
    // The browser dies with the test, however that ends.
    let output = Command::new("setpriv")
        .args([
            "--pdeathsig",
            "KILL",
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
        ])
        .args([
            "--virtual-time-budget=20000",
            "--host-resolver-rules=MAP attacker.example 127.0.0.1",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://attacker.example:{}/page", address.port()))
        .output()
        .expect("chromium, which `.ci/test` installs");
    let document = String::from_utf8_lossy(&output.stdout);
    for path in [
        "/info",
        "/",
        "/events",
        "/history",
        "/metrics",
        "/readyz/fixed",
    ] {
        assert!(
            document.contains(&format!("[{path} 421 ")),
            "{path}: {document}"
        );
    }
    assert!(
        document.contains(r#"[/readyz?verbose 503 {"status":"fail"}]"#),
        "{document}"
    );
    let (_, seen) = document.split_once("[/info").unwrap();
    assert!(
        !seen.replace("/readyz/fixed", "").contains("fixed"),
        "{document}"
    );
}
