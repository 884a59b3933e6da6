//! Which containers run the service that the settings are of.

use crate::files::healthcheck::Test;
use crate::files::kubernetes::{Action, Container, Probe, Workload};
use crate::lint::command::{self, Target};
use crate::lint::image;
use crate::lint::own::{Images, asks_own};
use crate::settings::Settings;

/// A workload, and which of its containers run the service.
pub(super) struct Pods {
    pub(super) workload: Workload,
    is_own: Vec<bool>,
}

impl Pods {
    /// The containers that run the service.
    pub(super) fn own(&self) -> impl Iterator<Item = &Container> {
        self.containers()
            .filter_map(|(container, is_own)| is_own.then_some(container))
    }

    /// Each container, and whether it runs the service.
    pub(super) fn containers(&self) -> impl Iterator<Item = (&Container, bool)> {
        let is_own = self.is_own.iter().copied();
        self.workload.containers.iter().zip(is_own)
    }
}

/// Finds the containers that run the service: those of an image that the user named, or those that
/// name a port or a path of the settings. If there is none, a pod of one container that names no
/// port at all.
pub(super) fn find(workloads: Vec<Workload>, settings: &Settings, images: &Images) -> Vec<Pods> {
    let mut all: Vec<Pods> = workloads
        .into_iter()
        .map(|workload| Pods {
            is_own: evidence(&workload, settings, images),
            workload,
        })
        .collect();
    if all.iter().all(|pods| pods.own().next().is_none()) {
        for pods in &mut all {
            if let [container] = &pods.workload.containers[..] {
                pods.is_own = vec![may_be_own(container, images)];
            }
        }
    }
    all
}

/// The pods to say so at, if none of them run the service, though they might.
pub(super) fn missing(all: &[Pods]) -> Option<&Pods> {
    let is_found = all.iter().any(|pods| pods.own().next().is_some());
    let may_run = |pods: &&Pods| {
        let mut containers = pods.workload.containers.iter();
        containers.any(|container| !image::is_third_party(&container.image))
    };
    all.iter().find(may_run).filter(|_| !is_found)
}

fn evidence(workload: &Workload, settings: &Settings, images: &Images) -> Vec<bool> {
    let of = |is_it: &dyn Fn(&Container, &Settings) -> bool| -> Vec<bool> {
        let containers = workload.containers.iter();
        containers
            .map(|container| match images.decide(&container.image) {
                Some(is_own) => is_own,
                None => {
                    !image::is_third_party(&container.image)
                        && is_it(container, &settings.overridden(&container.env))
                }
            })
            .collect()
    };
    let by_port = of(&|container, settings| {
        let declares = container
            .ports
            .iter()
            .any(|port| settings.opens(port.number));
        let asks =
            targets(container).any(|target| target.port.is_some_and(|port| settings.opens(port)));
        declares || asks
    });
    if by_port.contains(&true) {
        return by_port;
    }
    of(&|container, settings| targets(container).any(|target| asks_own(&target, settings)))
}

/// Whether nothing says that this container runs something else.
fn may_be_own(container: &Container, images: &Images) -> bool {
    let points_elsewhere =
        targets(container).any(|target| target.port.is_some() || target.path.is_some());
    images.decide(&container.image).unwrap_or(true)
        && !image::is_third_party(&container.image)
        && container.ports.is_empty()
        && !points_elsewhere
}

/// What the probes of a container ask.
fn targets(container: &Container) -> impl Iterator<Item = Target> {
    let probes = container.probes();
    probes.map(|(_, probe)| target(probe, container))
}

fn target(probe: &Probe, container: &Container) -> Target {
    let (path, port) = match &probe.action {
        Action::Http { path, port, .. } => (Some(path.clone()), port),
        Action::Grpc { port, .. } | Action::Tcp { port } => (None, port),
        Action::Exec { command } => return command::target(&Test::Exec(command.clone())),
        Action::None => return Target::default(),
    };
    Target {
        path,
        port: container.resolve(port),
        host: None,
    }
}
