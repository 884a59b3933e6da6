//! The stub as an image, and what tests look for among events.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tower_health_probes::files::kubernetes::{self, Which, Workload};
use tower_health_probes::platform::Image;
use tower_health_probes::platform::kubelet::Event;
use tower_health_probes::platform::prober::Verdict;
use tower_health_probes::tree;

use crate::ports::port;

pub(crate) const FAST: f64 = 50.0;

pub(crate) const MANIFEST: &str = include_str!("../fixtures/clean/kubernetes.yaml");

pub(crate) fn workload() -> Workload {
    from(MANIFEST)
}

pub(crate) fn from(text: &str) -> Workload {
    kubernetes::workloads(&tree::parse_yaml(text).unwrap()).remove(0)
}

pub(crate) fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub(crate) struct Stub {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
}

impl Stub {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: port(),
        }
    }

    pub(crate) fn image(&self) -> Image {
        Image::new("/app/service", env!("CARGO_BIN_EXE_stub"))
            .env("STUB", self.folder.path().to_str().unwrap())
            .port(8080, self.port, "API_PORT")
    }

    pub(crate) fn make(&self, file: &str) {
        std::fs::write(self.folder.path().join(file), "").unwrap();
    }

    pub(crate) fn remove(&self, file: &str) {
        std::fs::remove_file(self.folder.path().join(file)).unwrap();
    }

    /// How many requests for this path it has answered with this status.
    pub(crate) fn answers(&self, path: &str, status: &str) -> usize {
        let file = self.folder.path().join(format!("{path}.answers"));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().filter(|line| *line == status).count()
    }

    /// The image, whose entry point is this script of a shell; `$0` is the stub.
    pub(crate) fn script(&self, script: &str) -> Image {
        let program = env!("CARGO_BIN_EXE_stub");
        self.image()
            .program("/app/service", &["/bin/sh", "-c", script, program])
    }

    /// What a script has written to this file.
    pub(crate) fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
    }

    pub(crate) fn starts(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("starts"))
            .unwrap()
            .len()
    }
}

pub(crate) trait Traffic {
    fn last_traffic(&self) -> Option<bool>;
}

impl Traffic for [Event] {
    fn last_traffic(&self) -> Option<bool> {
        self.iter().rev().find_map(|event| match event {
            Event::Ready => Some(true),
            Event::Unready => Some(false),
            _ => None,
        })
    }
}

pub(crate) fn count(events: &[Event], which: Which) -> usize {
    events
        .iter()
        .filter(|event| matches!(event, Event::Probed(own, _) if *own == which))
        .count()
}

pub(crate) fn is_failure(event: &Event, which: Which) -> bool {
    matches!(event, Event::Probed(own, Verdict::Failure(_)) if *own == which)
}

pub(crate) fn readiness(event: &Event) -> Option<bool> {
    match event {
        Event::Probed(Which::Readiness, verdict) => Some(*verdict == Verdict::Success),
        _ => None,
    }
}

pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(
            std::time::Instant::now() < deadline,
            "never happened: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
