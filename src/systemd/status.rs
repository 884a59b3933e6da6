//! The line that `systemctl status` shows.

use crate::{Health, Probe, Status};

/// Characters of the line. systemd drops a message of more than 4 KiB.
const MOST: usize = 500;

/// Returns one line about readiness.
pub(super) fn line(health: &Health) -> String {
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    let status = match report.status() {
        Status::Pass => "ready",
        Status::Warn => "ready, with a warning",
        Status::Fail if !is_started(health) => "starting",
        Status::Fail => "not ready",
    };
    match report.output() {
        Some(output) => one_line(&format!("{status}: {output}")),
        None => status.to_owned(),
    }
}

pub(super) fn is_started(health: &Health) -> bool {
    health.status(Probe::Startup).is_healthy()
}

/// Without the ends of lines that would begin another assignment.
fn one_line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(printable).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_another_assignment() {
        let line = one_line("not ready: db\nREADY=1\r\nSTOPPING=1\0");
        assert_eq!(line, "not ready: db READY=1  STOPPING=1 ");
        assert_eq!(one_line(&"ä".repeat(5000)).chars().count(), MOST);
    }

    #[test]
    fn the_line_names_what_is_wrong() {
        assert_eq!(line(&Health::fixed(Status::Pass)), "ready");
        let health = Health::fixed(Status::Pass);
        health.drain();
        assert_eq!(line(&health), "not ready: draining");
    }
}
