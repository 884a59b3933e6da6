//! An OpenBao, which has the API of Vault, of its own for each test.

use std::fs;
use std::process::Command;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;

use super::process::Process;
use crate::support::eventually;
use crate::support::port::free_port;

const TOKEN: &str = "root";

pub(crate) struct OpenBao {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl OpenBao {
    /// Initialized, unsealed and active.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, port| {
            vec![
                "-dev".to_owned(),
                format!("-dev-listen-address=127.0.0.1:{port}"),
                format!("-dev-root-token-id={TOKEN}"),
            ]
        })
        .await
    }

    /// As it is before an operator has given it its keys.
    pub(crate) async fn start_uninitialized() -> Self {
        Self::start_with(|folder, port| {
            let config = folder.path().join("config.hcl");
            let text = format!(
                "storage \"inmem\" {{}}\n\
                 listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  tls_disable = true\n}}\n"
            );
            fs::write(&config, text).unwrap();
            vec![format!("-config={}", config.display())]
        })
        .await
    }

    async fn start_with(options: impl FnOnce(&TempDir, u16) -> Vec<String>) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let mut command = Command::new("bao");
        command.arg("server").args(options(&folder, port));
        command.env("HOME", folder.path());
        let process = Process::start(&mut command, &folder.path().join("log"));
        let server = Self {
            port,
            _process: process,
            _folder: folder,
        };
        eventually("OpenBao answers", async || server.answers().await).await;
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Has an operator do this.
    pub(crate) async fn put(&self, path: &str, body: &'static str) {
        let status = self.send("PUT", path, body).await.unwrap();
        assert!(status.is_success(), "{path}: {status}");
    }

    /// Whether it has its keys, or lacks them for good.
    async fn answers(&self) -> bool {
        let health = self.send("GET", "/v1/sys/health", "").await;
        health.is_some_and(|status| status == 200 || status == 501)
    }

    async fn send(&self, method: &str, path: &str, body: &'static str) -> Option<StatusCode> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::builder().method(method).uri(self.url(path));
        let request = request.header("x-vault-token", TOKEN);
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let response = client.request(request).await.ok()?;
        Some(response.status())
    }
}
