//! `docker compose up`: services in the order of their conditions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::docker::{Container, Health};
use super::image::Image;
use super::pace::Pace;

use crate::files::compose::{Condition, Service};
use crate::files::healthcheck::{Healthcheck, Test};

/// What stands for a service of the file.
#[derive(Clone, Debug)]
pub enum Stand {
    /// It is started from this image, with this health check unless the file has one.
    Image(Image, Option<Healthcheck>),
    /// It runs already; its health check runs with the programs and variables of this image.
    Outside(Image),
}

/// Services that are up.
#[derive(Debug, Default)]
pub struct Project {
    /// Those that run.
    pub running: BTreeMap<String, Container>,
    /// What happened, in order.
    pub log: Vec<String>,
}

/// Starts every service that has something to stand for it.
///
/// # Errors
///
/// The first service that cannot start, whose dependency is unhealthy, or that fails.
pub fn up(
    services: &[Service],
    stands: &BTreeMap<String, Stand>,
    pace: Pace,
) -> Result<Project, String> {
    let mut project = Project::default();
    let mut completed: Vec<String> = Vec::new();
    let mut left: Vec<&Service> = services
        .iter()
        .filter(|service| stands.contains_key(&service.name))
        .collect();
    while !left.is_empty() {
        let is_known = |name: &String| {
            project.running.contains_key(name)
                || completed.contains(name)
                || !stands.contains_key(name)
        };
        let next = left
            .iter()
            .position(|service| service.depends_on.iter().all(|wait| is_known(&wait.name)));
        let service = left.remove(next.ok_or("the dependencies form a circle")?);
        for wait in &service.depends_on {
            if wait.condition == Condition::Healthy
                && let Some(container) = project.running.get(&wait.name)
            {
                healthy(container, &wait.name)?;
                project.log.push(format!("{} healthy", wait.name));
            }
        }
        let stand = &stands[&service.name];
        project.log.push(format!("{} started", service.name));
        let is_one_shot = services
            .iter()
            .flat_map(|other| &other.depends_on)
            .any(|wait| wait.name == service.name && wait.condition == Condition::Completed);
        match stand {
            Stand::Outside(image) => {
                let container = Container::outside(service.check_over(None).as_ref(), image, pace);
                project.running.insert(service.name.clone(), container);
            }
            Stand::Image(image, _) if is_one_shot => {
                let words = command(service, image);
                let code = image.run(&words, &service.environment, Duration::from_secs(120));
                match code {
                    Ok(Some(0)) => project.log.push(format!("{} completed", service.name)),
                    other => return Err(format!("{} didn't complete: {other:?}", service.name)),
                }
                completed.push(service.name.clone());
            }
            Stand::Image(image, check) => {
                let check = service.check_over(check.as_ref());
                let words = command(service, image);
                let image = match service.node.text_of("stop_signal") {
                    Some(name) => &image.clone().stop_signal(name),
                    None => image,
                };
                let container =
                    Container::start(&words, &service.environment, check.as_ref(), image, pace);
                let container = container.map_err(|error| format!("{}: {error}", service.name))?;
                project.running.insert(service.name.clone(), container);
            }
        }
    }
    Ok(project)
}

fn command(service: &Service, image: &Image) -> Vec<String> {
    let words = |test: &Option<Test>| match test {
        Some(Test::Exec(words)) => words.clone(),
        _ => Vec::new(),
    };
    let front = words(&service.entrypoint);
    let front = if front.is_empty() {
        image.entrypoint().to_vec()
    } else {
        front
    };
    front.into_iter().chain(words(&service.command)).collect()
}

fn healthy(container: &Container, name: &str) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        match container.health() {
            Health::Healthy => return Ok(()),
            Health::Unhealthy => {
                return Err(format!("dependency failed to start: {name} is unhealthy"));
            }
            Health::Starting if Instant::now() > deadline => {
                return Err(format!("{name} is never healthy"));
            }
            Health::Starting => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
