//! What the answers of the shards say of the cluster.

use redis::Value;

use super::Answer;
use super::map::{Map, Shard};
use super::slots::SLOTS;
use crate::CheckResult;
use crate::indicators::shared::budget::milliseconds;
use crate::indicators::shared::findings::Findings;
use crate::indicators::shared::limits::Beyond;

/// How many shards a text names, so that a large cluster does not make a long text.
const NAMED: usize = 3;

/// Warns while enough shards answer, and fails when fewer do.
pub(super) fn of(
    map: &Map,
    answers: &[Answer],
    min_shards: Option<usize>,
    state: Option<&str>,
) -> CheckResult {
    let total = map.shards.len();
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    let needed = min_shards.unwrap_or(total / 2 + 1).min(total);
    // Slots without a shard belong to one that the cluster has lost, whatever the number of those
    // that it still lists.
    let is_short = match min_shards {
        Some(min) => answered < min,
        None => map.unserved * 2 >= SLOTS,
    };

    let mut findings = Findings::default();
    let times = answers.iter().filter_map(|answer| answer.as_ref().ok());
    if let Some(slowest) = times.max() {
        findings.reading("responseTime", milliseconds(*slowest), "ms");
    }
    findings.reading("answeringShards", answered, "");
    findings.reading("shards", total, "");
    if answered < total {
        let level = if answered < needed {
            Beyond::Fail
        } else {
            Beyond::Warn
        };
        findings.limit(Some(level(0.0)), |_| {
            let mut text = format!("Redis cluster: {answered} of {total} shards answer");
            if answered < needed {
                text += &format!(", fewer than {needed}");
            }
            if let Some(state) = state {
                text += &format!("; {state}");
            }
            text + &lost(&map.shards, answers)
        });
    }
    if map.unserved > 0 {
        let level = if is_short { Beyond::Fail } else { Beyond::Warn };
        findings.limit(Some(level(0.0)), |_| {
            let count = map.unserved;
            format!("Redis cluster: no shard serves {count} of the {SLOTS} slots")
        });
    }
    findings.result()
}

/// The shards that did not answer, and why.
fn lost(shards: &[Shard], answers: &[Answer]) -> String {
    let lost = shards.iter().zip(answers);
    let lost: Vec<_> = lost
        .filter_map(|(shard, answer)| {
            let fault = answer.as_ref().err()?;
            Some(format!("; {}: {fault}", shard.name))
        })
        .collect();
    let shown = lost.len().min(NAMED);
    let mut text = lost[..shown].concat();
    if lost.len() > shown {
        text += &format!("; and {} more", lost.len() - shown);
    }
    text
}

/// Reads the answer to `CLUSTER INFO`: lines of `field:value`. Returns `None` for a sound cluster.
pub(super) fn state_of(answer: &Value) -> Option<String> {
    let text = match answer {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes),
        Value::VerbatimString { text, .. } => text.into(),
        _ => return None,
    };
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    if field("cluster_state")? == "ok" {
        return None;
    }
    let sound = field("cluster_slots_ok").unwrap_or("?");
    Some(format!(
        "a node reports CLUSTERDOWN: only {sound} of the {SLOTS} slots are served, and \
         cluster-require-full-coverage refuses the others too, or the node sees no majority"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Status;

    fn verdict(answers: &[bool], min_shards: Option<usize>) -> (Status, String) {
        seen(answers, min_shards, 0)
    }

    /// Two shards that answer, and so many slots that none serves.
    fn unserved(unserved: usize, min_shards: Option<usize>) -> (Status, String) {
        seen(&[true, true], min_shards, unserved)
    }

    fn seen(answers: &[bool], min_shards: Option<usize>, unserved: usize) -> (Status, String) {
        let shards = (0..answers.len()).map(|n| Shard {
            id: format!("{n}"),
            name: format!("node{n}"),
            key: String::new(),
        });
        let map = Map {
            shards: shards.collect(),
            unserved,
        };
        let answers: Vec<_> = answers
            .iter()
            .map(|is_well| match is_well {
                true => Ok(Duration::from_millis(1)),
                false => Err("silent".to_owned()),
            })
            .collect();
        match of(&map, &answers, min_shards, None) {
            Ok(observation) => {
                let text = observation.output().unwrap_or_default();
                (observation.status(), text.to_owned())
            }
            Err(failure) => (Status::Fail, failure.output().to_owned()),
        }
    }

    #[test]
    fn it_warns_while_a_majority_answers_and_fails_below() {
        for (answers, min_shards, status) in [
            (&[true, true, true][..], None, Status::Pass),
            (&[true, true, false], None, Status::Warn),
            (&[true, false, false], None, Status::Fail),
            (&[true, false], None, Status::Fail),
            (&[true], None, Status::Pass),
            (&[false], None, Status::Fail),
            (&[true, false, false], Some(1), Status::Warn),
            (&[false, false, false], Some(1), Status::Fail),
            (&[true, true, true], Some(usize::MAX), Status::Pass),
            (&[true, true, false], Some(usize::MAX), Status::Fail),
        ] {
            assert_eq!(
                verdict(answers, min_shards).0,
                status,
                "{answers:?} {min_shards:?}"
            );
        }
    }

    #[test]
    fn it_names_the_lost_shards_and_counts_the_rest() {
        let (_, text) = verdict(&[true, false, true], None);
        assert_eq!(text, "Redis cluster: 2 of 3 shards answer; node1: silent");
        let (_, text) = verdict(&[false; 5], None);
        assert_eq!(
            text,
            "Redis cluster: 0 of 5 shards answer, fewer than 3; node0: silent; node1: silent; \
             node2: silent; and 2 more"
        );
    }

    #[test]
    fn slots_without_a_shard_warn_below_a_half_and_fail_if_all_shards_are_required() {
        let text = "Redis cluster: no shard serves 5461 of the 16384 slots";
        assert_eq!(unserved(5_461, None), (Status::Warn, text.to_owned()));
        assert_eq!(unserved(8_191, None).0, Status::Warn);
        assert_eq!(unserved(8_192, None).0, Status::Fail);
        assert_eq!(unserved(1, Some(usize::MAX)).0, Status::Fail);
        assert_eq!(unserved(0, Some(usize::MAX)).0, Status::Pass);
    }

    // Of three shards, one is no longer listed, and the other two answer.
    #[test]
    fn slots_without_a_shard_fail_only_if_more_shards_are_required_than_answer() {
        for (min_shards, status) in [(1, Status::Warn), (2, Status::Warn), (3, Status::Fail)] {
            assert_eq!(unserved(5_461, Some(min_shards)).0, status, "{min_shards}");
        }
        assert_eq!(unserved(10_922, Some(1)).0, Status::Warn);
        // A cluster that is whole and has fewer shards needs all of them.
        assert_eq!(unserved(0, Some(3)).0, Status::Pass);
    }

    #[test]
    fn only_a_cluster_that_is_down_is_explained() {
        let info = |text: &str| state_of(&Value::BulkString(text.as_bytes().to_vec()));
        assert_eq!(info("cluster_state:ok\r\ncluster_slots_ok:9\r\n"), None);
        let text = info("cluster_state:fail\r\ncluster_slots_ok:9\r\n").unwrap();
        assert!(text.contains("only 9 of the 16384 slots"), "{text}");
        assert_eq!(info("other:1\r\n"), None);
    }
}
