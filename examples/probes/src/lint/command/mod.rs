//! Commands that check: which program they call, and what they ask.

mod shell;
mod target;

use super::finding::Findings;
use super::image::Programs;
use crate::files::healthcheck::Test;
use crate::settings::Settings;
use crate::words;

pub(crate) use shell::{shell_in_front, shell_line};
pub(crate) use target::{Target, kind, target};

/// Words of a shell that stand before a command.
const KEYWORDS: [&str; 9] = [
    "if", "while", "until", "then", "else", "elif", "do", "!", "{",
];

/// Looks at a command that asks the service, in an image with these programs.
pub(crate) fn lint(
    test: &Test,
    line: usize,
    name: &str,
    programs: &Programs,
    settings: &Settings,
    found: &mut Findings,
) {
    for words in lint_programs(test, line, name, programs, found) {
        let target = Target::of(&words);
        lint_target(&target, line, name, settings, found);
    }
}

/// Looks at the programs of a command, whatever it asks; returns its simple commands.
pub(crate) fn lint_programs(
    test: &Test,
    line: usize,
    name: &str,
    programs: &Programs,
    found: &mut Findings,
) -> Vec<Vec<String>> {
    let commands = simple_commands(test, line, name, programs, found);
    for words in &commands {
        let program = words[0].as_str();
        if programs.lacks(program) {
            found.error(
                line,
                "missing-program",
                format!("{name} calls `{program}`, which the image does not have: every run fails"),
            );
        }
        let program = program.rsplit('/').next().unwrap_or(program);
        if program == "curl" && !fails_on_503(words) && !has_other_judge(test) {
            found.error(
                line,
                "curl-without-fail",
                format!("{name} calls curl without `-f`, which exits 0 on a 503"),
            );
        }
        let asks_localhost = Target::of(words).host.as_deref() == Some("localhost");
        if program == "wget" && asks_localhost && programs.is_musl() {
            found.warning(
                line,
                "localhost-is-ipv6",
                format!("{name} asks `localhost`, which the wget of alpine takes for ::1; name 127.0.0.1"),
            );
        }
    }
    commands
}

/// Whether a path that a command asks is answered, on a port that is open.
fn lint_target(
    target: &Target,
    line: usize,
    name: &str,
    settings: &Settings,
    found: &mut Findings,
) {
    if let Some(port) = target.port
        && !settings.opens(port)
    {
        found.error(
            line,
            "port-not-open",
            format!(
                "{name} asks port {port}, which the service does not open{}",
                open_ports(settings)
            ),
        );
    }
    if let Some(path) = &target.path
        && settings.probe_at(path).is_none()
        && !settings.is_single_check(path)
    {
        found.error(
            line,
            "path-not-answered",
            format!(
                "{name} asks `{path}`, which no probe answers{}",
                known_paths(settings)
            ),
        );
    }
}

pub(crate) fn open_ports(settings: &Settings) -> String {
    let ports: Vec<String> = settings
        .ports
        .iter()
        .map(|(name, port)| format!("{port} ({name})"))
        .collect();
    format!("; it opens {}", ports.join(", "))
}

pub(crate) fn known_paths(settings: &Settings) -> String {
    let paths = [
        &settings.liveness,
        &settings.readiness,
        &settings.startup_paths,
        &settings.summary,
    ];
    let paths: Vec<&str> = paths.into_iter().flatten().map(String::as_str).collect();
    format!("; it answers {}", paths.join(", "))
}

fn simple_commands(
    test: &Test,
    line: usize,
    name: &str,
    programs: &Programs,
    found: &mut Findings,
) -> Vec<Vec<String>> {
    let (line_of_shell, is_explicit) = match test {
        Test::Off => return Vec::new(),
        Test::Shell(text) => (text.as_str(), false),
        Test::Exec(words) => match shell_line(words) {
            Some(text) => (text, true),
            None if words.is_empty() => return Vec::new(),
            None => return vec![words.clone()],
        },
    };
    if programs.lacks_shell() {
        let form = if is_explicit {
            "calls a shell"
        } else {
            "is in the form for a shell"
        };
        found.error(
            line,
            "missing-shell",
            format!("{name} {form}, and the image has none: every run fails"),
        );
        return Vec::new();
    }
    let commands = words::commands(line_of_shell).into_iter();
    let programs = commands.map(|command| {
        let words = command.words.into_iter();
        let is_before = |word: &String| KEYWORDS.contains(&word.as_str()) || is_assignment(word);
        words.skip_while(is_before).collect::<Vec<_>>()
    });
    programs.filter(|words| !words.is_empty()).collect()
}

/// `NAME=value`, before a program.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

fn fails_on_503(words: &[String]) -> bool {
    words.iter().any(|word| {
        word == "--fail"
            || word == "--fail-with-body"
            || (word.starts_with('-') && !word.starts_with("--") && word.contains('f'))
    })
}

/// Whether something else looks at what curl prints.
fn has_other_judge(test: &Test) -> bool {
    let text = match test {
        Test::Shell(line) => Some(line.as_str()),
        Test::Exec(words) => shell_line(words),
        Test::Off => None,
    };
    ["http_code", "grep", "jq"]
        .iter()
        .any(|judge| text.is_some_and(|text| text.contains(judge)))
}
