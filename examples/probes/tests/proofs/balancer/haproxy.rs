//! HAProxy, from the shipped file, with what it says in its statistics.

use super::Balancer;
use crate::support::{Program, certificate, deploy, folder, port, run, status, wait_until};

pub(crate) struct Haproxy {
    secure: u16,
    stats: u16,
    folder: tempfile::TempDir,
    _haproxy: Program,
}

impl Haproxy {
    pub(crate) fn start(ports: &[u16]) -> Self {
        Self::with(ports, &[])
    }

    pub(crate) fn without_retries(ports: &[u16]) -> Self {
        Self::with(
            ports,
            &[
                ("option redispatch 1", ""),
                ("retries 2", "retries 0"),
                ("retry-on conn-failure", "retry-on none"),
            ],
        )
    }

    fn with(ports: &[u16], changes: &[(&str, &str)]) -> Self {
        let folder = folder();
        let (plain, secure, stats) = (port(), port(), port());
        let (_, _, both) = certificate(folder.path());
        let mut text = deploy("haproxy/haproxy.cfg");
        let own = [
            ("bind :80", format!("bind 127.0.0.1:{plain}")),
            // Two descriptors for each: more than a container may have.
            ("maxconn 10000", "maxconn 1000".to_owned()),
            ("bind :443", format!("bind 127.0.0.1:{secure}")),
            ("127.0.0.1:8404", format!("127.0.0.1:{stats}")),
            ("/etc/haproxy/certs/service.pem", both.display().to_string()),
            ("10.0.0.11:8080", format!("127.0.0.1:{}", ports[0])),
            ("10.0.0.12:8080", format!("127.0.0.1:{}", ports[1])),
        ];
        let own = own.iter().map(|(from, to)| (*from, to.as_str()));
        for (from, to) in own.chain(changes.iter().copied()) {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, text).unwrap();
        let words = ["haproxy", "-db", "-f", file.to_str().unwrap()];
        let haproxy = Program::start(&words, &folder.path().join("output"));
        wait_until("haproxy listens", || status(stats, "/") == 200);
        Self {
            secure,
            stats,
            folder,
            _haproxy: haproxy,
        }
    }
}

impl Balancer for Haproxy {
    fn port(&self) -> u16 {
        self.secure
    }

    fn has_both(&self, _since: usize) -> bool {
        let text = run(
            "curl",
            &["-s", &format!("http://127.0.0.1:{}/;csv", self.stats)],
        );
        let is_up = |name: &str| {
            text.lines()
                .any(|line| line.starts_with(name) && line.split(',').nth(17) == Some("UP"))
        };
        is_up("service,one,") && is_up("service,two,")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }
}
