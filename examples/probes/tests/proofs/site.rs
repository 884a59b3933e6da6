//! The shipped site file of nginx in front of instances. Its addresses and certificates are rewritten.

use std::path::Path;

use crate::support::{Program, certificate, deploy, folder, port, run, wait_until};

/// The shipped site in front of these ports.
pub(crate) struct Site {
    pub(crate) plain: u16,
    pub(crate) secure: u16,
    pub(crate) upstreams: Vec<u16>,
    folder: tempfile::TempDir,
    _nginx: Program,
}

impl Site {
    pub(crate) fn start(upstreams: &[u16]) -> Self {
        let folder = folder();
        let at = folder.path();
        let (plain, secure) = (port(), port());
        let (chain, key, _) = certificate(at);
        std::fs::create_dir_all(at.join("snippets")).unwrap();
        for snippet in ["snippets/service-proxy.conf", "snippets/service-probe.conf"] {
            std::fs::write(at.join(snippet), deploy(&format!("nginx/{snippet}"))).unwrap();
        }
        let servers: String = upstreams
            .iter()
            .map(|port| format!("    server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;\n"))
            .collect();
        let site: String = deploy("nginx/service.conf")
            .lines()
            .filter(|line| !line.trim().starts_with("listen [::]"))
            .map(|line| match line.trim() {
                "server 10.0.0.11:8080 max_fails=1 fail_timeout=2s;" => servers.clone(),
                "server 10.0.0.12:8080 max_fails=1 fail_timeout=2s;" => String::new(),
                "listen 80;" => format!("    listen 127.0.0.1:{plain};\n"),
                "listen 443 ssl http2;" => format!("    listen 127.0.0.1:{secure} ssl http2;\n"),
                _ => format!("{line}\n"),
            })
            .collect::<String>()
            .replace(
                "/etc/letsencrypt/live/api.example.com/fullchain.pem",
                chain.to_str().unwrap(),
            )
            .replace(
                "/etc/letsencrypt/live/api.example.com/privkey.pem",
                key.to_str().unwrap(),
            );
        assert!(
            !site.contains("10.0.0.") && !site.contains("listen 80"),
            "{site}"
        );
        std::fs::write(at.join("site.conf"), site).unwrap();
        std::fs::write(at.join("nginx.conf"), main(at)).unwrap();
        let prefix = at.to_str().unwrap();
        let nginx = Program::start(
            &["nginx", "-p", prefix, "-c", "nginx.conf"],
            &at.join("output"),
        );
        wait_until("nginx listens", || {
            std::net::TcpStream::connect(("127.0.0.1", secure)).is_ok()
        });
        Self {
            plain,
            secure,
            upstreams: upstreams.to_vec(),
            folder,
            _nginx: nginx,
        }
    }

    pub(crate) fn curl(&self, arguments: &[&str], path: &str) -> String {
        let resolve = format!("api.example.com:{}:127.0.0.1", self.secure);
        let url = format!("https://api.example.com:{}{path}", self.secure);
        let chain = self.folder.path().join("fullchain.pem");
        let mut all = vec![
            "-s",
            "-i",
            "--max-time",
            "20",
            "--resolve",
            &resolve,
            "--cacert",
        ];
        all.push(chain.to_str().unwrap());
        all.extend(arguments);
        all.push(&url);
        run("curl", &all)
    }

    pub(crate) fn access_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }
}

/// What a distribution has around the site.
fn main(at: &Path) -> String {
    let at = at.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {at}/{name};\n"))
        .concat();
    format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ log_format own '$request $status $upstream_addr'; access_log {at}/access.log own;\n\
         {temporary} include site.conf; }}\n"
    )
}
