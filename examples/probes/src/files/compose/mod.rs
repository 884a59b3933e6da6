//! A compose file, whose texts are read as compose interpolates them.

mod ports;
mod variables;

use std::path::Path;
use std::time::Duration;

use super::healthcheck::{Healthcheck, Test, Written};
use crate::tree::Node;
use crate::units;
use crate::words;

pub use ports::{Ports, Reach};

/// A service of a compose file.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub line: usize,
    /// The image, if it names one.
    pub image: Option<String>,
    /// How the image is built, if it is.
    pub build: Option<Build>,
    /// `entrypoint`.
    pub entrypoint: Option<Test>,
    /// `command`.
    pub command: Option<Test>,
    /// Variables with a value.
    pub environment: Vec<(String, String)>,
    /// What it says of its health check; [`Service::check_over`] has the one that holds.
    pub healthcheck: Option<Written>,
    /// What `ports` and `expose` name.
    pub ports: Vec<Ports>,
    /// What has to hold before it starts.
    pub depends_on: Vec<Dependency>,
    /// Time between SIGTERM and SIGKILL; 10 s by default.
    pub stop_grace: Duration,
    /// The whole service.
    pub node: Node,
}

/// How an image is built.
#[derive(Clone, Debug)]
pub struct Build {
    /// The folder, relative to the compose file.
    pub context: String,
    /// The Dockerfile, relative to the folder.
    pub dockerfile: String,
    /// The stage.
    pub target: Option<String>,
}

/// Another service that this one waits for.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Where it is named.
    pub line: usize,
    /// For what.
    pub condition: Condition,
}

/// What a dependency waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The container runs.
    Started,
    /// Its health check passes.
    Healthy,
    /// It ended with exit code 0.
    Completed,
}

impl Service {
    /// The health check that holds, over that of the image; its line is one of the compose file.
    pub fn check_over(&self, image: Option<&Healthcheck>) -> Option<Healthcheck> {
        match &self.healthcheck {
            Some(written) => Some(written.over(image)),
            None => image.map(|image| Healthcheck {
                line: self.line,
                ..image.clone()
            }),
        }
    }

    /// What starts it, as far as the file says.
    pub(crate) fn words(&self) -> Vec<String> {
        let forms = [&self.entrypoint, &self.command].into_iter().flatten();
        let words = forms.filter_map(|form| match form {
            Test::Exec(words) => Some(words),
            Test::Shell(_) | Test::Off => None,
        });
        words.flatten().cloned().collect()
    }
}

/// Every service of the file; `folder` is where its `env_file` is.
pub fn services(root: &Node, folder: Option<&Path>) -> Vec<Service> {
    let Some(services) = root.get("services") else {
        return Vec::new();
    };
    services
        .entries()
        .iter()
        .map(|(name, node)| service(name, node, folder))
        .collect()
}

fn service(name: &str, node: &Node, folder: Option<&Path>) -> Service {
    let second = Duration::from_secs(1);
    Service {
        name: name.to_owned(),
        line: node.line,
        image: node.text_of("image").map(variables::interpolated),
        build: node.get("build").map(build),
        entrypoint: node.get("entrypoint").map(form),
        command: node.get("command").map(form),
        environment: variables::env_files(node, folder)
            .into_iter()
            .chain(
                node.get("environment")
                    .map(variables::environment)
                    .unwrap_or_default(),
            )
            .collect(),
        healthcheck: node.get("healthcheck").map(healthcheck),
        ports: ports::read(node),
        depends_on: node.get("depends_on").map(dependencies).unwrap_or_default(),
        stop_grace: node
            .get("stop_grace_period")
            .and_then(|grace| units::of_node(grace, second))
            .unwrap_or(10 * second),
        node: node.clone(),
    }
}

fn build(node: &Node) -> Build {
    let text = |key: &str, default: &str| node.text_of(key).unwrap_or(default).to_owned();
    match node.text() {
        Some(context) => Build {
            context: context.to_owned(),
            dockerfile: "Dockerfile".to_owned(),
            target: None,
        },
        None => Build {
            context: text("context", "."),
            dockerfile: text("dockerfile", "Dockerfile"),
            target: node.text_of("target").map(str::to_owned),
        },
    }
}

/// Compose splits a command as a shell does, but runs no shell.
fn form(node: &Node) -> Test {
    match node.text() {
        Some(line) => Test::Exec(words::split(&variables::interpolated(line))),
        None => Test::Exec(words_of(node)),
    }
}

fn words_of(node: &Node) -> Vec<String> {
    let words = node.scalars();
    words
        .iter()
        .map(|word| variables::interpolated(word))
        .collect()
}

fn healthcheck(node: &Node) -> Written {
    let time = |key| units::of_node(node.get(key)?, Duration::from_secs(1));
    let is_off = node.get("disable").and_then(Node::bool).unwrap_or(false);
    Written {
        line: node.line,
        test: match node.get("test") {
            _ if is_off => Some(Test::Off),
            test => test.map(self::test),
        },
        interval: time("interval"),
        timeout: time("timeout"),
        start_period: time("start_period"),
        start_interval: time("start_interval"),
        retries: node
            .int_of("retries")
            .and_then(|count| u32::try_from(count).ok())
            .filter(|count| *count > 0),
    }
}

fn test(node: &Node) -> Test {
    if let Some(line) = node.text() {
        return Test::Shell(variables::interpolated(line));
    }
    let words = words_of(node);
    match words.split_first() {
        Some((kind, rest)) if kind == "CMD" => Test::Exec(rest.to_vec()),
        Some((kind, rest)) if kind == "CMD-SHELL" => Test::Shell(rest.join(" ")),
        _ => Test::Off,
    }
}

fn dependencies(node: &Node) -> Vec<Dependency> {
    let short = node.items().iter().filter_map(|item| {
        Some(Dependency {
            name: item.text()?.to_owned(),
            line: item.line,
            condition: Condition::Started,
        })
    });
    let long = node.entries().iter().map(|(name, value)| Dependency {
        name: name.clone(),
        line: value.get("condition").unwrap_or(value).line,
        condition: match value.text_of("condition") {
            Some("service_healthy") => Condition::Healthy,
            Some("service_completed_successfully") => Condition::Completed,
            _ => Condition::Started,
        },
    });
    short.chain(long).collect()
}

#[cfg(test)]
mod tests {
    use super::{Test, test};
    use crate::tree::parse_yaml;

    #[test]
    fn each_word_of_a_check_is_interpolated() {
        let checks = parse_yaml("[CMD, \"x${OPTION:-y}\", --port, 8080]").unwrap();
        let words = ["xy", "--port", "8080"].map(str::to_owned);
        assert_eq!(test(&checks[0]), Test::Exec(words.to_vec()));
    }
}
