//! Compares subjects that get the same request: time, instructions, allocations, bytes.
//!
//! Valgrind counts instructions, and repeats them almost exactly whatever else the machine does. A
//! subject runs in a process of its own, once with few requests and once with many; the difference
//! is what the requests take, since start-up cancels out.

use std::process::{Command, Stdio};
use std::thread;

use crate::alloc::Cost;
use crate::subject::{Subject, Target};
use crate::table::{Row, Section, nanoseconds};
use crate::timing::{Samples, interleave};

pub(crate) struct Question {
    pub(crate) title: &'static str,
    pub(crate) target: Target,
    pub(crate) stack: Stack,
    pub(crate) limits: &'static [Limit],
}

/// Ours, and what it is compared with.
#[derive(Clone, Copy)]
pub(crate) struct Stack(pub(crate) &'static [Named], pub(crate) &'static [Named]);

/// A subject by its name in the table.
pub(crate) type Named = (&'static str, fn(Target) -> Subject);

/// Ours may be at most so much more, or so many times as much, as the other.
pub(crate) type Limit = (Measure, &'static str, &'static str, f64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Time,
    Instructions,
    Allocations,
    Bytes,
}

/// What was measured of one subject.
struct Measured {
    name: &'static str,
    time: Samples,
    cost: Cost,
    /// `Err` says why there is no count.
    instructions: Result<f64, String>,
}

pub(crate) fn answer(question: &Question) -> Section {
    use Measure::{Allocations, Bytes, Instructions, Time};
    let measured = measure(question);
    let (ours, others) = measured.split_at(question.stack.0.len());
    let mut rows = Vec::new();
    for measure in [Time, Instructions, Allocations, Bytes] {
        for ours in ours {
            for other in others {
                let key = (measure, ours.name, other.name);
                let mut limits = question.limits.iter();
                let limit = limits.find(|(measure, one, two, _)| (*measure, *one, *two) == key);
                rows.push(row(measure, ours, other, limit.map(|(.., most)| *most)));
            }
        }
    }
    (question.title, rows)
}

/// Measures ours, then the others.
fn measure(question: &Question) -> Vec<Measured> {
    let named = || question.stack.0.iter().chain(question.stack.1);
    let make = |(_, make): &Named| make(question.target);
    let mut subjects: Vec<Subject> = named().map(make).collect();
    let times = interleave(&mut subjects);
    let all = named().zip(times).zip(&mut subjects);
    all.map(|(((name, _), time), subject)| Measured {
        name,
        time,
        cost: subject.cost(),
        instructions: instructions(question, name),
    })
    .collect()
}

fn row(measure: Measure, ours: &Measured, other: &Measured, at_most: Option<f64>) -> Row {
    let what = |measure| format!("{}: {measure}", ours.name);
    let counts = |count: fn(&Cost) -> u64| [ours, other].map(|one| count(&one.cost) as f64);
    let name = other.name;
    match measure {
        Measure::Time => {
            let other = (name, &other.time);
            Row::series(what("time"), nanoseconds, &ours.time, other, at_most)
        }
        Measure::Instructions => match (&ours.instructions, &other.instructions) {
            (Ok(ours), Ok(other)) => {
                Row::difference(&what("instructions"), "", *ours, (name, *other), at_most)
            }
            (Err(why), _) | (_, Err(why)) => Row::new(what("instructions"), why),
        },
        Measure::Allocations => {
            let [ours, other] = counts(|cost| cost.allocations);
            Row::difference(&what("allocations"), "", ours, (name, other), at_most)
        }
        Measure::Bytes => {
            let [ours, other] = counts(|cost| cost.bytes);
            // There is no ratio to nothing.
            let compare = if other == 0.0 {
                Row::difference
            } else {
                Row::ratio
            };
            compare(&what("allocated"), "B", ours, (name, other), at_most)
        }
    }
}

/// The first argument of a process that only answers requests.
const CHILD: &str = "--answer";

const FEW: u64 = 200;
const MANY: u64 = 1200;

fn instructions(question: &Question, name: &str) -> Result<f64, String> {
    let (few, many) = thread::scope(|scope| {
        let few = scope.spawn(|| total(question, name, FEW));
        let many = total(question, name, MANY);
        (few.join().expect("no panic"), many)
    });
    Ok((many? - few?) / (MANY - FEW) as f64)
}

fn total(question: &Question, name: &str, times: u64) -> Result<f64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().map_err(|error| error.to_string())?)
        .args([CHILD, question.title, name, &times.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|_| "valgrind not installed".to_owned())?;
    let text = String::from_utf8_lossy(&output.stderr);
    // Valgrind counts what a process did before it crashed, too.
    if !output.status.success() {
        return Err("the process failed under valgrind".to_owned());
    }
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| "valgrind printed no count".to_owned())
}

/// Answers requests if these are the arguments of such a process, and returns whether they are.
pub(crate) fn is_child(args: &[String], questions: &[Question]) -> bool {
    let [flag, title, name, times] = args else {
        return false;
    };
    let question = questions.iter().find(|question| question.title == title);
    let (Some(Question { target, stack, .. }), true) = (question, flag == CHILD) else {
        return false;
    };
    let mut named = stack.0.iter().chain(stack.1);
    let (_, make) = named.find(|(one, _)| one == name).expect("a subject");
    make(target).run(times.parse().expect("a number"));
    true
}
