//! What a platform grants between SIGTERM and SIGKILL, beside what a drain takes.

use std::time::Duration;

use super::finding::Findings;
use crate::settings::Settings;
use crate::units::show;

/// After delay and cap the process ends itself, and takes up to this long.
const SELF_END: Duration = Duration::from_secs(3);

/// A platform's setting, and what it grants.
pub(crate) struct Grace<'a> {
    /// What grants it, with the value that a reader knows: `kill_timeout is 5 s, the default`.
    pub(crate) given_by: &'a str,
    /// What it grants.
    pub(crate) given: Duration,
    /// What drains.
    pub(crate) who: &'a str,
    /// What passes before the service gets SIGTERM.
    pub(crate) hook: Duration,
}

/// An error if requests are cut off, and a warning if the process is while it ends itself.
pub(crate) fn lint(grace: &Grace<'_>, line: usize, settings: &Settings, found: &mut Findings) {
    let Grace {
        given_by,
        given,
        who,
        hook,
    } = grace;
    let needed = settings.drain() + *hook;
    let parts = [
        (*hook, "preStop"),
        (settings.drain_delay, "delay"),
        (settings.drain_cap, "cap"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(time, name)| *name != "preStop" || !time.is_zero())
        .map(|(time, name)| format!("{} {name}", show(*time)))
        .collect();
    let needs = format!(
        "{given_by}, but {who} drains for up to {} ({})",
        show(needed),
        parts.join(" + ")
    );
    if *given < needed {
        let message = format!("{needs}: SIGKILL cuts requests off");
        found.error(line, "grace-too-short", message);
    } else if *given < needed + SELF_END {
        let message = format!(
            "{needs}, and takes up to {} more to end itself if something hangs: SIGKILL cuts off what it \
             reports",
            show(SELF_END)
        );
        found.warning(line, "grace-too-short", message);
    }
}
