//! tower-health beside other crates, under load and with real servers: writes `RESULTS.md` and
//! `probe.svg`.
//!
//! Arguments are names of groups, to run only those; then it prints a table and writes nothing.
//! `short` runs everything once or for a second, to see whether it works.
//! What is measured without peers is in `benches/ratios`, which this includes.
#![allow(
    clippy::expect_used,
    reason = "a benchmark that meets what it did not expect should end there"
)]

// The bench uses some parts of these files, and this report uses others.
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/alloc.rs"]
mod alloc;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/controls.rs"]
mod controls;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/detection.rs"]
mod detection;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/ours.rs"]
mod ours;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/question.rs"]
mod question;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/questions.rs"]
mod questions;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/refresher.rs"]
mod refresher;
#[path = "../../ratios/sizes.rs"]
mod sizes;
#[path = "../../ratios/subject.rs"]
mod subject;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/table.rs"]
mod table;
#[allow(dead_code, reason = "the bench uses other parts of it")]
#[path = "../../ratios/timing.rs"]
mod timing;

mod contention;
mod faults;
mod load;
mod machine;
mod peers;
mod plot;
mod results;
mod servers;
#[cfg(test)]
mod tests;

use std::time::Duration;

use self::questions::QUESTIONS;
use self::table::Section;

/// How often things are done, and for how long.
#[derive(Clone, Copy)]
struct Effort {
    /// Turns of each server under load.
    rounds: usize,
    /// How long a turn is; whole seconds.
    turn: Duration,
    /// How often each fault is inflicted.
    detections: usize,
}

const FULL: Effort = Effort {
    rounds: 7,
    turn: Duration::from_secs(4),
    detections: 30,
};

const SHORT: Effort = Effort {
    rounds: 1,
    turn: Duration::from_secs(1),
    detections: 1,
};

type Measure = fn(Effort) -> Vec<Section>;

const GROUPS: [(&str, Measure); 9] = [
    ("stacks", |_| {
        QUESTIONS.iter().map(question::answer).collect()
    }),
    ("sizes", |_| vec![sizes::sizes(), sizes::kept()]),
    ("refresher", |_| {
        vec![refresher::storm(), refresher::processor_time()]
    }),
    ("peers", |_| peers::peers()),
    ("contention", |_| contention::contention()),
    ("faults", |_| vec![faults::faults()]),
    ("load", load::load),
    ("watch", |_| vec![load::memory::per_watch()]),
    ("detection", servers::detection),
];

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if question::is_child(&args, QUESTIONS)
        || question::is_child(&args, peers::QUESTIONS)
        || refresher::is_child(&args)
        || load::server::is_child(&args)
    {
        return Ok(());
    }
    let (short, names): (Vec<_>, Vec<_>) = args.into_iter().partition(|arg| arg == "short");
    let effort = if short.is_empty() { FULL } else { SHORT };
    let mut sections = Vec::new();
    for (group, measure) in GROUPS {
        if names.is_empty() || names.iter().any(|name| name == group) {
            eprintln!("{group} ...");
            sections.extend(measure(effort));
        }
    }
    print!("{}", table::text(&sections));
    if short.is_empty() && names.is_empty() {
        results::write(effort, &sections)?;
    }
    Ok(())
}
