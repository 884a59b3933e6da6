//! Health checks of Docker, and how a stop arrives.

use std::time::Duration;

use super::command;
use super::finding::Findings;
use super::image::Programs;
use crate::files::dockerfile::{Command, Dockerfile, Stage};
use crate::files::healthcheck::{Healthcheck, Test};
use crate::settings::{ProbeKind, Settings};
use crate::units::show;

pub(crate) fn lint(file: &Dockerfile, settings: &Settings, found: &mut Findings) {
    let Some(stage) = file.target(None) else {
        return;
    };
    let programs = Programs::of_stage(file, stage);
    if let Some((_, extra)) = stage.healthchecks.split_last() {
        for check in extra {
            found.warning(
                check.line,
                "second-healthcheck",
                "HEALTHCHECK is given again below, and only the last one holds".to_owned(),
            );
        }
    }
    match file.healthcheck(stage) {
        Some(check) => healthcheck(&check, "HEALTHCHECK", &programs, settings, found),
        None => {
            let line = stage
                .cmd
                .as_ref()
                .or(stage.entrypoint.as_ref())
                .map_or(1, |command| command.line);
            found.warning(
                line,
                "no-healthcheck",
                "the image has no HEALTHCHECK: Docker takes a hung process for a good one"
                    .to_owned(),
            );
        }
    }
    if let Some((signal, line)) = &stage.stop_signal {
        stop_signal(signal, *line, "STOPSIGNAL", found);
    }
    start(stage, &programs, found);
}

/// How the image starts.
fn start(stage: &Stage, programs: &Programs, found: &mut Findings) {
    let commands: Vec<&Command> = [&stage.entrypoint, &stage.cmd]
        .into_iter()
        .flatten()
        .collect();
    if let [entrypoint, arguments] = commands[..]
        && let (Test::Exec(words), Test::Exec(more)) = (&entrypoint.form, &arguments.form)
    {
        // `ENTRYPOINT ["sh", "-c"]` and `CMD ["service"]` are one command.
        let all = Test::Exec(words.iter().chain(more).cloned().collect());
        command::shell_in_front(&all, arguments.line, found);
        return;
    }
    for command in commands {
        if let Test::Shell(text) = &command.form
            && programs.lacks_shell()
        {
            found.error(
                command.line,
                "missing-shell",
                format!(
                    "`{text}` is in the form for a shell, and the image has none: it does not start"
                ),
            );
        } else {
            command::shell_in_front(&command.form, command.line, found);
        }
    }
}

/// Rules for every health check that Docker runs.
pub(crate) fn healthcheck(
    check: &Healthcheck,
    name: &str,
    programs: &Programs,
    settings: &Settings,
    found: &mut Findings,
) {
    let line = check.line;
    command::lint(&check.test, line, name, programs, settings, found);
    if check.test == Test::Off {
        return;
    }
    if check.timeout <= Duration::from_secs(1) {
        found.error(
            line,
            "timeout-too-short",
            format!(
                "{name} has a timeout of {}: starting a process on a busy machine takes as long",
                show(check.timeout)
            ),
        );
    }
    let budget = check.start_period + check.interval * check.retries.saturating_sub(1);
    if let Some(gate) = settings.startup()
        && check.start_period < gate
        && command::kind(&check.test, settings) != Some(ProbeKind::Liveness)
    {
        let rest = if budget < gate {
            ""
        } else {
            ", and only the retries make up for it"
        };
        found.error(
            line,
            "start-period-too-short",
            format!(
                "{name} has a start period of {}, but startup may take {}: the container is unhealthy \
                 after {} while it starts{rest}",
                show(check.start_period),
                show(gate),
                show(budget),
            ),
        );
    }
    if check.retries <= 1 {
        found.warning(
            line,
            "one-failure-is-enough",
            format!(
                "{name} has retries = {}: one slow run makes the container unhealthy",
                check.retries
            ),
        );
    }
}

/// A signal at which the service does not drain.
pub(crate) fn stop_signal(signal: &str, line: usize, name: &str, found: &mut Findings) {
    let known = ["SIGTERM", "TERM", "15", "SIGINT", "INT", "2"];
    if !known.contains(&signal) {
        found.error(
            line,
            "stop-signal",
            format!("{name} is {signal}, but the service drains on SIGTERM and SIGINT alone"),
        );
    }
}
