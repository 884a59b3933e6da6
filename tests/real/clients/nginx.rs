//! nginx with TLS in front: `grpc_pass` for gRPC, `proxy_pass` for everything else.

use std::path::PathBuf;
use std::time::Duration;

use tower_health::Status;

use super::curl::curl;
use super::process::{Daemon, Files, Teller, program, run};
use super::python::{NAMES, tls_client, told_of_names};
use super::site::{APPLICATION, Site};
use crate::support::port::free_port;

struct Front {
    // Held for the process.
    _nginx: Daemon,
    certificate: PathBuf,
    port: u16,
}

impl Front {
    async fn start(site: &Site) -> Self {
        let files = Files::new();
        let (certificate, key) = (files.path("certificate.pem"), files.path("key.pem"));
        let mut openssl = program("openssl");
        openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1".split(' '));
        openssl.args("-nodes -days 2 -subj /CN=site -addext".split(' '));
        openssl.arg("subjectAltName=IP:127.0.0.1");
        openssl
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        run(&mut openssl).await.success();

        let port = free_port();
        let config = format!(
            "
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        location /grpc.health.v1.Health/ {{ grpc_pass grpc://{address}; }}
        location / {{ proxy_pass http://{address}; }}
    }}
}}
",
            address = site.address,
        );
        let config = files.write("nginx.conf", &config);
        let mut nginx = program("nginx");
        nginx.args(["-e", "stderr", "-p"]).arg(files.root());
        let nginx = Daemon::start(nginx.arg("-c").arg(config), files);
        let mut front = Self {
            _nginx: nginx,
            certificate,
            port,
        };
        let (certificate, url) = (front.certificate.clone(), front.url("/livez"));
        let is_up = async |_: &Files| {
            let asked = run(curl().arg("--cacert").arg(&certificate).arg(&url)).await;
            asked.code == Some(0)
        };
        front._nginx.until(true, is_up).await;
        front
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// The body of an answer, and its code.
    async fn get(&self, version: &str, path: &str) -> String {
        let mut curl = curl();
        curl.arg("--cacert").arg(&self.certificate);
        curl.args([version, "-w", " %{http_code}", &self.url(path)]);
        run(&mut curl).await.success()
    }

    fn watch(&self) -> Teller {
        Teller::start(tls_client(self.port, &self.certificate).args(["watch", ""]))
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn nginx_passes_http_probes_on() {
    let site = Site::start().await;
    let front = Front::start(&site).await;
    for (status, told) in [
        (Status::Pass, r#"{"status":"pass"} 200"#),
        (Status::Warn, r#"{"status":"warn"} 200"#),
        (Status::Fail, r#"{"status":"fail"} 503"#),
    ] {
        site.turn(status).await;
        for version in ["--http1.1", "--http2"] {
            assert_eq!(front.get(version, "/readyz").await, told);
            let live = front.get(version, "/livez").await;
            assert_eq!(live, r#"{"status":"pass"} 200"#);
            let other = front.get(version, "/").await;
            assert_eq!(other, format!("{APPLICATION} 200"));
        }
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn nginx_passes_grpc_checks_and_lists_on() {
    let site = Site::start().await;
    let front = Front::start(&site).await;
    let client = || tls_client(front.port, &front.certificate);
    for (status, readiness) in [(Status::Pass, "SERVING"), (Status::Fail, "NOT_SERVING")] {
        site.turn(status).await;
        let told = run(client().arg("check").args(NAMES)).await.success();
        assert_eq!(told, told_of_names(readiness), "{status}");
        let list = run(client().arg("list")).await.success();
        let expected = format!(
            "'' {readiness}\n'liveness' SERVING\n'readiness' {readiness}\n'startup' SERVING\n"
        );
        assert_eq!(list, expected, "{status}");
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn nginx_passes_each_message_of_a_watch_on_until_the_drain_is_over() {
    let site = Site::leaving_after(Duration::from_secs(1)).await;
    let front = Front::start(&site).await;
    let mut watch = front.watch();
    assert_eq!(watch.line_with("").await, "SERVING");
    site.turn(Status::Fail).await;
    assert_eq!(watch.line_with("").await, "NOT_SERVING");
    site.turn(Status::Pass).await;
    assert_eq!(watch.line_with("").await, "SERVING");

    let ended = site.leave();
    assert_eq!(watch.line_with("").await, "NOT_SERVING");
    let told = watch.ended().await.success();
    assert_eq!(told, "UNAVAILABLE: the server is shutting down\n");
    ended.await;
}
