//! What the linter says.

use std::path::{Path, PathBuf};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It costs something, on a bad day.
    Warning,
    /// It will go wrong.
    Error,
}

/// Every rule, which a comment can allow.
pub const RULES: &[&str] = &[
    "all-pods-at-once",
    "curl-without-fail",
    "fixed-port",
    "grace-too-long",
    "grace-too-short",
    "grpc-port-by-name",
    "host-refused",
    "liveness-asks-readiness",
    "liveness-asks-startup",
    "liveness-on-management-port",
    "liveness-too-eager",
    "liveness-without-startup",
    "localhost-is-ipv6",
    "management-port-in-service",
    "management-port-published",
    "method-not-allowed",
    "missing-program",
    "missing-shell",
    "never-restarted",
    "no-action",
    "no-check",
    "no-eviction-possible",
    "no-healthcheck",
    "no-liveness",
    "no-readiness",
    "one-failure-is-enough",
    "path-not-answered",
    "port-not-open",
    "probe-of-another-host",
    "probe-over-tls",
    "readiness-asks-liveness",
    "readiness-ignored",
    "readiness-slower-than-ttl",
    "rejected-by-kubernetes",
    "restart-on-readiness",
    "routing-asks-liveness",
    "same-result-counted-twice",
    "second-healthcheck",
    "service-link-as-setting",
    "service-not-answered",
    "service-not-found",
    "shell-in-front",
    "start-period-too-short",
    "startup-asks-liveness",
    "startup-asks-readiness",
    "startup-budget-too-short",
    "stop-signal",
    "tcp-probe",
    "timeout-exceeds-period",
    "timeout-too-short",
    "top-level-check-alone",
    "unknown-check-key",
    "unknown-restart-policy",
    "waits-for-no-healthcheck",
    "waits-for-start-alone",
];

/// One thing that will go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line; the first is 1.
    pub line: usize,
    /// The rule, which a comment can allow.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The name that is to blame, and what happens.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let file = self.file.display();
        write!(
            f,
            "{file}:{}: {severity}: {} [{}]",
            self.line, self.message, self.rule
        )
    }
}

/// Collects the findings of one file.
#[derive(Debug)]
pub(crate) struct Findings {
    file: PathBuf,
    all: Vec<Finding>,
}

impl Findings {
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            all: Vec::new(),
        }
    }

    pub(crate) fn error(&mut self, line: usize, rule: &'static str, message: String) {
        self.push(line, rule, Severity::Error, message);
    }

    pub(crate) fn warning(&mut self, line: usize, rule: &'static str, message: String) {
        self.push(line, rule, Severity::Warning, message);
    }

    fn push(&mut self, line: usize, rule: &'static str, severity: Severity, message: String) {
        debug_assert!(RULES.contains(&rule), "{rule}");
        self.all.push(Finding {
            file: self.file.clone(),
            line,
            rule,
            severity,
            message,
        });
    }

    /// Those that no comment of the file allows.
    pub(crate) fn allowed_by(self, text: &str) -> Vec<Finding> {
        let lines: Vec<&str> = text.lines().collect();
        let line = |number: usize| number.checked_sub(1).and_then(|index| lines.get(index));
        let is_allowed = |finding: &Finding| {
            let own = line(finding.line).is_some_and(|line| allows(line, finding.rule));
            let above = line(finding.line - 1).is_some_and(|line| {
                line.trim_start().starts_with('#') && allows(line, finding.rule)
            });
            own || above
        };
        self.all
            .into_iter()
            .filter(|finding| !is_allowed(finding))
            .collect()
    }
}

fn allows(line: &str, rule: &str) -> bool {
    line.split_once('#')
        .and_then(|(_, comment)| comment.split_once("probe-lint: allow "))
        .is_some_and(|(_, rules)| rules.split([' ', ',']).any(|allowed| allowed == rule))
}
