//! `lifecycle.preStop`: what runs before a container is told to end.

use std::time::Duration;

use super::probe::action;
use super::{Action, Container};
use crate::units;

/// A hook that the kubelet runs before each SIGTERM.
#[derive(Clone, Debug)]
pub enum PreStop {
    /// `sleep`.
    Sleep(Duration),
    /// `exec` or `httpGet`.
    Runs(Action),
}

impl Container {
    /// Its hook, if it has one.
    pub fn pre_stop(&self) -> Option<PreStop> {
        let hook = self.node.at(&["lifecycle", "preStop"])?;
        Some(match hook.get("sleep") {
            Some(sleep) => {
                let seconds = sleep.int_of("seconds").unwrap_or(0);
                PreStop::Sleep(Duration::from_secs(seconds.try_into().unwrap_or(0)))
            }
            None => PreStop::Runs(action(hook)),
        })
    }
}

impl PreStop {
    /// How long it takes, as far as the manifest says: that of `sleep`, also of one that a shell runs.
    pub fn duration(&self) -> Duration {
        let words = match self {
            Self::Sleep(duration) => return *duration,
            Self::Runs(Action::Exec { command }) => crate::words::split(&command.join(" ")),
            Self::Runs(_) => return Duration::ZERO,
        };
        let mut words = words.iter().skip_while(|word| !word.ends_with("sleep"));
        let time = words.nth(1).map(|text| text.trim_end_matches(';'));
        time.and_then(|text| units::duration(text, Duration::from_secs(1)))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn the_time_of_a_hook_is_that_of_its_sleep() {
        for (hook, seconds) in [
            ("{sleep: {seconds: 7}}", 7),
            ("{exec: {command: [sleep, '5']}}", 5),
            ("{exec: {command: [/bin/sh, -c, '/bin/sleep 4; true']}}", 4),
            ("{exec: {command: [/bin/true]}}", 0),
            ("{httpGet: {path: /stop, port: 8080}}", 0),
        ] {
            let text = format!(
                "kind: Pod\nspec: {{containers: [{{name: a, lifecycle: {{preStop: {hook}}}}}]}}\n"
            );
            let roots = crate::tree::parse_yaml(&text).unwrap();
            let pod = super::super::workloads(&roots).remove(0);
            let hook = pod.containers[0].pre_stop().unwrap();
            assert_eq!(hook.duration(), Duration::from_secs(seconds), "{hook:?}");
        }
    }
}
