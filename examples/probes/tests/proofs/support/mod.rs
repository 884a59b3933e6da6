//! The files of the kit, instances of the real service, and what proofs wait for.

#[path = "../../support/ports.rs"]
mod ports;
mod postgres;
mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tower_health_probes::files::{dockerfile, healthcheck::Healthcheck, kubernetes};
use tower_health_probes::platform::Image;
use tower_health_probes::platform::prober::{self, Request};
use tower_health_probes::settings::Settings;
use tower_health_probes::tree;

pub(crate) use self::ports::port;
pub(crate) use self::postgres::Postgres;
pub(crate) use self::server::{Program, certificate, run};

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

pub(crate) fn service() -> PathBuf {
    std::env::var_os("SERVICE_BIN")
        .expect("SERVICE_BIN: the program of examples/service")
        .into()
}

/// What the service says of itself in production.
pub(crate) fn service_settings() -> Settings {
    let config = examples().join("service/config");
    let arguments = [
        "settings",
        "--mode",
        "production",
        "--config",
        config.to_str().unwrap(),
    ];
    Settings::parse(&run(service().to_str().unwrap(), &arguments)).unwrap()
}

pub(crate) fn deploy(file: &str) -> String {
    std::fs::read_to_string(examples().join("deploy").join(file)).unwrap()
}

/// The Deployment of this file, with the variables of the ConfigMap.
pub(crate) fn workload(file: &str) -> kubernetes::Workload {
    let mut text = deploy(file);
    text.push_str("\n---\n");
    text.push_str(&deploy("kubernetes/configuration.yaml"));
    let roots = tree::parse_yaml(&text).unwrap();
    kubernetes::workloads(&roots)
        .into_iter()
        .find(|workload| workload.kind != "Job")
        .unwrap()
}

pub(crate) fn image_healthcheck() -> Healthcheck {
    let file = dockerfile::parse(&deploy("Dockerfile"));
    file.healthcheck(file.target(None).unwrap()).unwrap()
}

/// A place for one instance: its ports, and a folder.
pub(crate) struct Place {
    pub(crate) api: u16,
    pub(crate) folder: TempDir,
    database: String,
}

impl Place {
    /// With a SQLite of its own.
    pub(crate) fn new() -> Self {
        let folder = folder();
        let database = format!("sqlite:{}/service.db", folder.path().display());
        Self {
            api: port(),
            folder,
            database,
        }
    }

    pub(crate) fn with_database(url: &str) -> Self {
        Self {
            api: port(),
            folder: folder(),
            database: url.to_owned(),
        }
    }

    /// The image, as the Dockerfile makes it, for this place.
    pub(crate) fn image(&self) -> Image {
        Image::new("/app/service", service())
            .port(8080, self.api, "API_PORT")
            .port(8081, port(), "MANAGEMENT_PORT")
            .port(8082, port(), "WEB_PORT")
            .env("HOST", "127.0.0.1")
            .env("MANAGEMENT_HOST", "127.0.0.1")
            .env("MANAGEMENT_TOKEN", "a-token-of-this-test-alone-0123456789")
            .env(
                "CONFIG_DIR",
                examples().join("service/config").to_str().unwrap(),
            )
            .env("DATABASE_URL", self.database.clone())
            .env("DATABASE_REQUIRE_SSL", "false")
            .folder(examples().join("service"))
            .log(self.folder.path().join("log"))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// The files of `CONFIG_DIR` in a folder of their own, with a further line in this table of each.
pub(crate) fn configuration(folder: &Path, table: &str, line: &str) -> PathBuf {
    let own = folder.join("config");
    std::fs::create_dir(&own).unwrap();
    for file in std::fs::read_dir(examples().join("service/config")).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains(table), "{}: {table}", file.path().display());
        let text = text.replace(table, &format!("{table}\n{line}"));
        std::fs::write(own.join(file.file_name()), text).unwrap();
    }
    own
}

pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // The user of Postgres and the workers of nginx pass through it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    folder
}

/// The status of a GET; 0 if there was no answer.
pub(crate) fn status(port: u16, path: &str) -> u16 {
    let request = Request {
        method: "GET",
        path,
        host: "api.example.com",
        agent: None,
        headers: &[],
    };
    prober::get(port, &request, Duration::from_secs(5)).map_or(0, |answer| answer.status)
}

pub(crate) fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    wait_for(what, Duration::from_secs(90), holds);
}

pub(crate) fn wait_for(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
