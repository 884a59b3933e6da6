//! A ClickHouse of its own for each test.

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::process::Process;
use crate::support::eventually;
use crate::support::port::free_port;

const USERS: &str = "<yandex><profiles><default/></profiles><quotas><default/></quotas><users>\
    <default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile>\
    <quota>default</quota></default></users></yandex>";

pub(crate) struct ClickHouse {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl ClickHouse {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let at = folder.path().display();
        let config = format!(
            "<yandex><logger><console>true</console></logger><http_port>{port}</http_port>\
             <listen_host>127.0.0.1</listen_host><path>{at}/data/</path>\
             <tmp_path>{at}/tmp/</tmp_path><mark_cache_size>5368709</mark_cache_size>\
             <users_config>users.xml</users_config><default_profile>default</default_profile>\
             <default_database>default</default_database></yandex>"
        );
        fs::write(folder.path().join("config.xml"), config).unwrap();
        fs::write(folder.path().join("users.xml"), USERS).unwrap();
        let mut command = Command::new("clickhouse-server");
        command.arg(format!("--config-file={at}/config.xml"));
        command.current_dir(folder.path());
        let mut process = Process::start(&mut command, &folder.path().join("log"));
        eventually("ClickHouse accepts connections", async || {
            assert!(!process.has_ended(), "ClickHouse has ended");
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn freeze(&mut self) {
        self.process.freeze();
    }

    pub(crate) fn thaw(&mut self) {
        self.process.thaw();
    }
}
