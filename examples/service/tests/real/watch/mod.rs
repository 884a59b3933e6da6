//! `service watch`: a client of HTTPS that says what it gets.

mod server;

use rustix::process::Signal;
use tempfile::TempDir;

use self::server::Server;
use crate::support::process::Process;
use crate::support::service::{Service, run, run_in};
use crate::support::wait_until;

/// A watch that asks often.
struct Watch {
    process: Process,
    _directory: TempDir,
}

impl Watch {
    fn start(url: &str, arguments: &[&str]) -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), url, arguments, &[])
    }

    fn start_with(
        directory: TempDir,
        url: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        // On a busy machine an answer takes its time.
        let usual = ["watch", url, "--interval", "20ms", "--timeout", "1m"];
        let arguments = [&usual[..], arguments].concat();
        let process = run_in(directory.path(), &arguments, variables);
        Self {
            process,
            _directory: directory,
        }
    }

    /// With this authority in a file.
    fn trusting(url: &str, authority: &str) -> Self {
        let (directory, file) = file(authority);
        Self::start_with(directory, url, &["--root-certificate", &file], &[])
    }

    /// On a system that trusts this authority alone.
    fn on_a_system_with(url: &str, authority: &str) -> Self {
        let (directory, file) = file(authority);
        Self::start_with(directory, url, &[], &[("SSL_CERT_FILE", &file)])
    }

    fn lines(&self) -> Vec<String> {
        let output = self.process.output();
        // In front of them is the time.
        let lines = output.lines().filter_map(|line| line.split_once("Z "));
        lines.map(|(_, line)| line.to_owned()).collect()
    }

    /// Waits for this many lines, and returns the last one.
    fn await_lines(&self, count: usize) -> String {
        wait_until(&format!("{count} lines"), || self.lines().len() >= count);
        let lines = self.lines();
        assert_eq!(lines.len(), count, "{lines:?}");
        lines[count - 1].clone()
    }

    /// Ends it. Returns its lines.
    fn end(self) -> Vec<String> {
        let lines = self.lines();
        self.process.signal(Signal::TERM);
        let (code, output) = self.process.end();
        assert_eq!(code, Some(0), "{output}");
        lines
    }
}

/// A file with this text, in a directory that it goes with.
fn file(text: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authority.pem");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (directory, file)
}

#[test]
fn each_transition_is_one_line_with_its_reason_and_the_time_before() {
    let mut server = Server::start();
    let watch = Watch::trusting(&server.url(), &server.authority);
    assert_eq!(watch.await_lines(1), "ready: status 200");
    server.answer(503);
    let line = watch.await_lines(2);
    assert!(
        line.starts_with("not ready: status 503; ready for "),
        "{line}"
    );
    server.kill();
    let line = watch.await_lines(3);
    assert!(line.starts_with("unreachable: "), "{line}");
    assert!(line.to_lowercase().contains("connection refused"), "{line}");
    assert!(line.contains("; not ready for "), "{line}");
    server.answer(200);
    server.bring_up();
    let line = watch.await_lines(4);
    let begin = "ready: status 200; unreachable for ";
    assert!(
        line.starts_with(begin) && line.ends_with(" before"),
        "{line}"
    );
    assert_eq!(watch.end().len(), 4);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_unless_it_is_told_to_trust() {
    let server = Server::start();
    let strange = Server::start();
    let refused = [
        Watch::on_a_system_with(&server.url(), &strange.authority),
        Watch::trusting(&server.url(), &strange.authority),
        // The certificate is one for `localhost`.
        Watch::trusting(
            &server.url().replace("localhost", "127.0.0.1"),
            &server.authority,
        ),
    ];
    for watch in refused {
        let line = watch.await_lines(1);
        assert!(line.starts_with("unreachable: "), "{line}");
        assert!(line.contains("certificate"), "{line}");
        watch.end();
    }
    for watch in [
        Watch::on_a_system_with(&server.url(), &server.authority),
        Watch::trusting(&server.url(), &server.authority),
    ] {
        assert_eq!(watch.await_lines(1), "ready: status 200");
        watch.end();
    }
}

#[test]
fn a_debug_build_takes_any_certificate_if_it_is_told_to_and_a_release_build_refuses() {
    let server = Server::start();
    if cfg!(debug_assertions) {
        let watch = Watch::start(&server.url(), &["--dev-insecure"]);
        assert_eq!(watch.await_lines(1), "ready: status 200");
        assert!(watch.process.output().contains("any certificate"));
        watch.end();
    } else {
        let (code, output) = run(&["watch", &server.url(), "--dev-insecure"], &[]);
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains("--dev-insecure"), "{output}");
    }
}

#[test]
fn the_probe_of_a_service_is_watched_from_its_start_to_its_end() {
    let variables = [("HEALTH_DRAIN_DELAY", "10m")];
    let service = Service::start(&[], &variables).ready();
    let url = format!("http://127.0.0.1:{}/readyz", service.api);
    let watch = Watch::start(&url, &[]);
    assert_eq!(watch.await_lines(1), "ready: status 200");
    service.terminate();
    let line = watch.await_lines(2);
    assert!(line.starts_with("not ready: status 503; "), "{line}");
    service.stop();
    let line = watch.await_lines(3);
    assert!(line.starts_with("unreachable: "), "{line}");
    watch.end();
}

#[test]
fn a_server_that_never_answers_is_unreachable() {
    // It takes connections, and is silent.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/readyz");
    let watch = Watch::start(&url, &["--timeout", "300ms"]);
    assert_eq!(watch.await_lines(1), "unreachable: no answer within 300ms");
    watch.end();
}

#[test]
fn it_ends_on_ctrl_c_while_it_waits_for_an_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/readyz");
    let watch = Watch::start(&url, &["--timeout", "10m"]);
    let _taken = silent.accept().unwrap();
    watch.process.signal(Signal::INT);
    assert_eq!(watch.process.end().0, Some(0));
}

#[test]
fn a_file_without_a_certificate_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let url = "https://localhost:1";
    for file in [empty.to_str().unwrap(), "/nowhere/authority.pem"] {
        let (code, output) = run(&["watch", url, "--root-certificate", file], &[]);
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains(file), "{output}");
    }
}
