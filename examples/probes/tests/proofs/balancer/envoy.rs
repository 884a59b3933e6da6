//! Envoy, from the shipped file, with what its admin port says.

use std::path::Path;

use super::Balancer;
use crate::support::{Program, certificate, deploy, folder, port, run, status, wait_until};

pub(crate) struct Envoy {
    secure: u16,
    admin: u16,
    ports: Vec<u16>,
    folder: tempfile::TempDir,
    _envoy: Program,
}

impl Envoy {
    pub(crate) fn start(ports: &[u16]) -> Self {
        let folder = folder();
        let (plain, secure, admin) = (port(), port(), port());
        let (chain, key, _) = certificate(folder.path());
        let mut text = deploy("envoy/envoy.yaml");
        for (from, to) in [
            (
                "0.0.0.0, port_value: 80 ",
                format!("127.0.0.1, port_value: {plain} "),
            ),
            (
                "0.0.0.0, port_value: 443 ",
                format!("127.0.0.1, port_value: {secure} "),
            ),
            ("port_value: 9901", format!("port_value: {admin}")),
            (
                "/etc/envoy/certs/fullchain.pem",
                chain.display().to_string(),
            ),
            ("/etc/envoy/certs/privkey.pem", key.display().to_string()),
            (
                "10.0.0.11, port_value: 8080",
                format!("127.0.0.1, port_value: {}", ports[0]),
            ),
            (
                "10.0.0.12, port_value: 8080",
                format!("127.0.0.1, port_value: {}", ports[1]),
            ),
        ] {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, &to);
        }
        let file = folder.path().join("envoy.yaml");
        std::fs::write(&file, text).unwrap();
        let program = std::env::var("ENVOY_BIN").unwrap_or_else(|_| "envoy".to_owned());
        let words = [
            program.as_str(),
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "-l",
            "warn",
            "-c",
            file.to_str().unwrap(),
        ];
        let envoy = Program::start(&words, Path::new(&folder.path().join("output")));
        wait_until("envoy listens", || status(admin, "/ready") == 200);
        Self {
            secure,
            admin,
            ports: ports.to_vec(),
            folder,
            _envoy: envoy,
        }
    }
}

impl Balancer for Envoy {
    fn port(&self) -> u16 {
        self.secure
    }

    fn has_both(&self, _since: usize) -> bool {
        let text = run(
            "curl",
            &["-s", &format!("http://127.0.0.1:{}/clusters", self.admin)],
        );
        self.ports
            .iter()
            .all(|port| text.contains(&format!("127.0.0.1:{port}::health_flags::healthy")))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }
}
