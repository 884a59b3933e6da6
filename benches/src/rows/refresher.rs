//! What the background task costs: processor time and wake-ups of a process that does nothing else.

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;
use tokio::time::sleep;
use tower_health::{Health, indicator_fn};

use crate::catalogue::{BACKGROUND, HUNDRED, ONE, TEN, THOUSAND, background};
use crate::child;
use crate::table::{Of, Row, Section};

/// The first argument of a process that only runs checks.
pub const CHILD: &str = "--refresh";

const TTL: Duration = Duration::from_secs(1);

/// The first runs, and those that spread them over a TTL, are not counted.
const WARM_UP: Duration = Duration::from_millis(2500);

/// Checks that pass at once, with a TTL of 1 s, watched for so long. `health` has one task for
/// each check.
pub fn refresher(watched: Duration) -> Section {
    let mut section = Section::new(
        "Refresher by the number of instant checks, TTL 1 s, in processes of their own",
    );
    let counts = [
        (ONE, 1, None),
        (TEN, 10, None),
        (HUNDRED, 100, Some(1.0)),
        (THOUSAND, 1000, Some(6.0)),
    ];
    let usages = thread::scope(|scope| {
        let children = counts.map(|(_, checks, _)| {
            ["tower-health", BACKGROUND].map(|who| scope.spawn(move || watch(who, checks, watched)))
        });
        children.map(|pair| pair.map(|child| child.join().expect("no panic")))
    });
    for ((name, _, at_most), [ours, theirs]) in counts.into_iter().zip(usages) {
        section.rows.push(Row::versus(
            format!("{name}: of a core"),
            "%",
            ours.percent,
            Of(BACKGROUND, theirs.percent),
            at_most,
        ));
        section.rows.push(Row::versus(
            format!("{name}: wake-ups in a second"),
            "",
            ours.wake_ups,
            Of(BACKGROUND, theirs.wake_ups),
            None,
        ));
    }
    section
}

struct Usage {
    percent: f64,
    /// Of threads that went to sleep before.
    wake_ups: f64,
}

fn watch(who: &str, checks: usize, watched: Duration) -> Usage {
    let millis = watched.as_millis().to_string();
    let text = child::output(&[CHILD, who, &checks.to_string(), &millis]);
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    Usage {
        percent: numbers[0],
        wake_ups: numbers[1],
    }
}

/// Does what a child is started for. Says whether these arguments are a child's.
pub fn is_child(args: &[String]) -> bool {
    let [flag, who, checks, millis] = args else {
        return false;
    };
    if flag != CHILD {
        return false;
    }
    let checks = checks.parse().expect("a number");
    let watched = Duration::from_millis(millis.parse().expect("a number"));
    // As `#[tokio::main]` has it.
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let _kept = (who == "tower-health").then(|| ours(checks));
        if who == BACKGROUND {
            for _ in 0..checks {
                tokio::spawn(background(TTL, async || Ok(())).run());
            }
        }
        sleep(WARM_UP).await;
        let (start, busy, slept) = (Instant::now(), busy(), times_slept());
        sleep(watched).await;
        let (busy, slept) = (self::busy() - busy, times_slept() - slept);
        let taken = start.elapsed().as_secs_f64();
        println!("{} {}", busy / taken * 100.0, slept / taken);
    });
    true
}

fn ours(checks: usize) -> Health {
    let mut builder = Health::builder().ttl(TTL);
    for number in 0..checks {
        let name = format!("check-{number}");
        builder = builder.readiness(indicator_fn(name, || async { Ok::<_, Infallible>(()) }));
    }
    builder.start().expect("every setting is right")
}

/// Seconds that the threads of this process worked.
fn busy() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// How often the threads of this process went to sleep, as Linux counts it.
fn times_slept() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return f64::NAN;
    };
    let status = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("status")).ok();
    let texts = tasks.flatten().filter_map(status);
    let count = |text: String| -> Option<f64> {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse().ok()
    };
    texts.filter_map(count).sum()
}
