//! Instructions of one request, counted by valgrind: they repeat almost exactly, whatever else the
//! machine does.
//!
//! A subject runs in a process of its own, once with few requests and once with many. The
//! difference is that of the requests alone: start-up cancels out.

use std::process::{Command, Stdio};

use crate::ask::Ask;
use crate::catalogue::{self, Spec};

/// The first argument of a process that only answers requests.
pub const CHILD: &str = "--answer";

const FEW: u64 = 200;
const MANY: u64 = 1200;

/// Why there is no count.
#[derive(Clone, Debug)]
pub struct Unavailable(pub String);

/// Counts the instructions of one request.
///
/// # Errors
///
/// If valgrind is not there, or does not say what it counted.
pub fn count(spec: Spec, ask: Ask) -> Result<f64, Unavailable> {
    let (few, many) = std::thread::scope(|scope| {
        let few = scope.spawn(|| total(spec, ask, FEW));
        let many = total(spec, ask, MANY);
        (few.join(), many)
    });
    let few = few.map_err(|_| Unavailable("the counting thread died".to_owned()))??;
    Ok((many? - few) as f64 / (MANY - FEW) as f64)
}

fn total(spec: Spec, ask: Ask, times: u64) -> Result<u64, Unavailable> {
    let failed = |error: &dyn std::fmt::Display| Unavailable(error.to_string());
    let this = std::env::current_exe().map_err(|error| failed(&error))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args([CHILD, &spec.id(), ask.target(), &times.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|_| Unavailable("valgrind not installed".to_owned()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| failed(&text.lines().last().unwrap_or("valgrind said nothing")))
}

/// Does what a child is started for. Says whether these arguments are a child's.
pub fn is_child(args: &[String]) -> bool {
    let [flag, id, target, times] = args else {
        return false;
    };
    if flag != CHILD {
        return false;
    }
    let spec = catalogue::by_id(id).expect("a subject");
    let ask = Ask::by_target(target).expect("a target");
    spec.make(ask).run(times.parse().expect("a number"));
    true
}
