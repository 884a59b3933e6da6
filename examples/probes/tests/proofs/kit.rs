//! The files of `examples/deploy` beside what the real service says of itself, and what it does.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tower_health_probes::files::dockerfile;
use tower_health_probes::lint::Linter;

use crate::support::{Place, deploy, examples, service_settings, wait_until};

#[test]
fn nothing_is_found_in_the_files_of_the_kit() {
    let deploy = examples().join("deploy");
    let settings = service_settings();
    assert!(
        settings.startup().is_some(),
        "the gate of the migrations is known"
    );

    let manifests = |folder: &str| -> Vec<PathBuf> {
        let files = std::fs::read_dir(deploy.join(folder)).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    };
    let configuration = deploy.join("kubernetes/configuration.yaml");
    let grpc = manifests("kubernetes-grpc")
        .into_iter()
        .chain([configuration])
        .collect();
    let single = [
        "compose.yaml",
        "railway.toml",
        "fly.toml",
        "Dockerfile",
        "Dockerfile.scratch",
    ];
    let single = single.map(|name| vec![deploy.join(name)]);
    for files in single.into_iter().chain([manifests("kubernetes"), grpc]) {
        for dockerfile in ["Dockerfile", "Dockerfile.scratch"] {
            let linter = Linter::new(settings.clone()).dockerfile(deploy.join(dockerfile));
            let findings = linter.lint(&files).unwrap();
            assert!(findings.is_empty(), "{files:?}: {findings:#?}");
        }
    }
}

#[test]
fn the_images_expose_the_ports_on_which_the_service_listens_and_no_other() {
    let place = Place::new();
    let image = place.image();
    let words = ["/app/service", "--mode", "production", "--apply-migrations"].map(str::to_owned);
    let service = image.start(&words, &[]).unwrap();
    let settings = service_settings();
    let own: BTreeSet<u16> = settings.ports.values().copied().collect();
    for name in ["Dockerfile", "Dockerfile.scratch"] {
        let file = dockerfile::parse(&deploy(name));
        let stage = file.target(None).unwrap();
        let exposed: BTreeSet<_> = stage.exposed.iter().copied().collect();
        assert_eq!(exposed, own, "{name}");
        let here: BTreeSet<_> = exposed.iter().map(|port| image.port_here(*port)).collect();
        wait_until("the service listens on what the image exposes", || {
            listening(service.id()) == here
        });
    }
}

/// The TCP ports on which this process listens.
fn listening(process: u32) -> BTreeSet<u16> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let links = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    let own: BTreeSet<String> = links.map(|link| link.display().to_string()).collect();
    let tables =
        ["tcp", "tcp6"].map(|name| std::fs::read_to_string(format!("/proc/{process}/net/{name}")));
    let lines = tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines().skip(1));
    let ports = lines.filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        // 0A is LISTEN; the tenth field is the inode of the socket.
        let is_own = fields[3] == "0A" && own.contains(&format!("socket:[{}]", fields[9]));
        let port = fields[1].rsplit(':').next().unwrap();
        is_own.then(|| u16::from_str_radix(port, 16).unwrap())
    });
    ports.collect()
}
