//! A Dockerfile, as far as probes and signals need it.

use std::time::Duration;

use super::healthcheck::{Healthcheck, Test};
use crate::units;

/// What an image is made of.
#[derive(Clone, Debug, Default)]
pub struct Dockerfile {
    /// The stages, the last of which becomes the image.
    pub stages: Vec<Stage>,
}

/// One stage.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// The name after `AS`.
    pub name: Option<String>,
    /// The image or the stage it starts from.
    pub base: String,
    /// Everything after `RUN`.
    pub runs: Vec<String>,
    /// Files by where `COPY` and `ADD` put them.
    pub copied: Vec<String>,
    /// `ENTRYPOINT`.
    pub entrypoint: Option<Command>,
    /// `CMD`.
    pub cmd: Option<Command>,
    /// `STOPSIGNAL` and its line.
    pub stop_signal: Option<(String, usize)>,
    /// `EXPOSE`.
    pub exposed: Vec<u16>,
    /// `ENV`.
    pub env: Vec<(String, String)>,
    /// Every `HEALTHCHECK`; the last one holds.
    pub healthchecks: Vec<Healthcheck>,
}

/// An entry point or a command.
#[derive(Clone, Debug)]
pub struct Command {
    /// Where it stands.
    pub line: usize,
    /// A program and its arguments, or a line for a shell.
    pub form: Test,
}

/// Reads a Dockerfile. What it does not know, it leaves out.
pub fn parse(text: &str) -> Dockerfile {
    let mut file = Dockerfile::default();
    for (line, instruction) in instructions(text) {
        let (word, rest) = split_word(&instruction);
        if word.eq_ignore_ascii_case("FROM") {
            file.stages.push(from(rest));
            continue;
        }
        let Some(stage) = file.stages.last_mut() else {
            continue;
        };
        match word.to_ascii_uppercase().as_str() {
            "RUN" => stage.runs.push(rest.to_owned()),
            "COPY" | "ADD" => stage.copied.extend(copied(rest)),
            "ENTRYPOINT" => {
                stage.entrypoint = Some(Command {
                    line,
                    form: form(rest),
                })
            }
            "CMD" => {
                stage.cmd = Some(Command {
                    line,
                    form: form(rest),
                })
            }
            "STOPSIGNAL" => stage.stop_signal = Some((rest.trim().to_owned(), line)),
            "EXPOSE" => stage.exposed.extend(
                rest.split_whitespace()
                    .filter_map(|port| port.split('/').next()?.parse::<u16>().ok()),
            ),
            "ENV" => stage.env.extend(env(rest)),
            "HEALTHCHECK" => stage.healthchecks.push(healthcheck(line, rest)),
            _ => {}
        }
    }
    file
}

/// Instructions with the line that they begin on; continued lines are joined, comments go.
fn instructions(text: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.starts_with('#') || (trimmed.is_empty() && open.is_none()) {
            continue;
        }
        let (start, mut joined) = open.take().unwrap_or((index + 1, String::new()));
        match trimmed.strip_suffix('\\') {
            Some(part) => {
                joined.push_str(part);
                joined.push(' ');
                open = Some((start, joined));
            }
            None => {
                joined.push_str(trimmed);
                all.push((start, joined));
            }
        }
    }
    all.extend(open);
    all
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

fn from(rest: &str) -> Stage {
    let words: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let has_name = words
        .get(1)
        .is_some_and(|word| word.eq_ignore_ascii_case("as"));
    Stage {
        base: words.first().copied().unwrap_or_default().to_owned(),
        name: has_name.then(|| words.get(2).copied().unwrap_or_default().to_owned()),
        ..Stage::default()
    }
}

fn copied(rest: &str) -> Vec<String> {
    let words: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let Some((target, sources)) = words.split_last() else {
        return Vec::new();
    };
    if !target.ends_with('/') && sources.len() < 2 {
        return vec![(*target).to_owned()];
    }
    let name = |source: &&str| source.rsplit('/').next().unwrap_or(source).to_owned();
    sources
        .iter()
        .map(|source| format!("{}/{}", target.trim_end_matches('/'), name(source)))
        .collect()
}

fn env(rest: &str) -> Vec<(String, String)> {
    let clean = |value: &str| value.trim_matches('"').to_owned();
    match split_word(rest) {
        (word, value) if !word.contains('=') => vec![(word.to_owned(), clean(value))],
        _ => rest
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), clean(value)))
            .collect(),
    }
}

/// The form with brackets is a list in JSON; everything else is a line for a shell.
fn form(rest: &str) -> Test {
    match json_list(rest) {
        Some(words) => Test::Exec(words),
        None => Test::Shell(rest.to_owned()),
    }
}

fn json_list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if !text.starts_with('[') || !text.ends_with(']') {
        return None;
    }
    // JSON is YAML.
    let documents = crate::tree::parse_yaml(text).ok()?;
    let items = documents.first()?.items();
    items.iter().map(crate::tree::Node::written).collect()
}

fn healthcheck(line: usize, rest: &str) -> Healthcheck {
    let mut check = Healthcheck {
        line,
        ..Healthcheck::default()
    };
    let mut rest = rest;
    while let Some(option) = rest.strip_prefix("--") {
        let (option, after) = split_word(option);
        rest = after;
        let Some((name, value)) = option.split_once('=') else {
            continue;
        };
        let duration = units::duration(value, Duration::from_secs(1));
        match (name, duration) {
            ("interval", Some(value)) => check.interval = value,
            ("timeout", Some(value)) => check.timeout = value,
            ("start-period", Some(value)) => check.start_period = value,
            ("start-interval", Some(value)) => check.start_interval = value,
            // Docker takes 0 for the default.
            ("retries", _) => {
                check.retries = value.parse().ok().filter(|count| *count > 0).unwrap_or(3);
            }
            _ => {}
        }
    }
    let (word, command) = split_word(rest);
    if word.eq_ignore_ascii_case("CMD") {
        check.test = form(command);
    }
    check
}

impl Dockerfile {
    /// The stage that becomes the image, or the one with this name.
    pub fn target(&self, name: Option<&str>) -> Option<&Stage> {
        match name {
            Some(name) => self.stage(name),
            None => self.stages.last(),
        }
    }

    fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages
            .iter()
            .find(|stage| stage.name.as_deref() == Some(name))
    }

    /// A stage and those it starts from, the nearest first; and the image below all of them.
    pub fn ancestry<'a>(&'a self, stage: &'a Stage) -> (Vec<&'a Stage>, &'a str) {
        let mut all = vec![stage];
        let mut base = stage.base.as_str();
        while let Some(below) = self.stage(base).filter(|_| all.len() <= self.stages.len()) {
            all.push(below);
            base = &below.base;
        }
        (all, base)
    }

    /// The health check that holds for this stage.
    pub fn healthcheck(&self, stage: &Stage) -> Option<Healthcheck> {
        let (stages, _) = self.ancestry(stage);
        stages
            .iter()
            .find_map(|stage| stage.healthchecks.last().cloned())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::healthcheck::Test;

    #[test]
    fn the_last_stage_is_read_with_its_health_check() {
        let file = super::parse(
            "FROM rust:1 AS build\nRUN x\n\nFROM debian:bookworm-slim\n# why\n\
             COPY --from=build /a/service /app/service\nHEALTHCHECK --interval=5s \\\n  --retries=4 \\\n\
             CMD [\"/app/service\", \"healthcheck\"]\nCMD ./service --mode production\n",
        );
        let stage = file.target(None).unwrap();
        let check = file.healthcheck(stage).unwrap();
        assert_eq!(check.line, 7);
        assert_eq!(
            check.test,
            Test::Exec(vec!["/app/service".into(), "healthcheck".into()])
        );
        assert_eq!((check.interval, check.retries), (Duration::from_secs(5), 4));
        assert_eq!(stage.copied, ["/app/service"]);
        assert_eq!(
            stage.cmd.as_ref().unwrap().form,
            Test::Shell("./service --mode production".into())
        );
    }
}
