//! A warning that is added to what a run has seen.

use crate::{Failure, Observation, Reading, Status};

/// Turns what a run has seen into a warning with this text, after its own one.
pub(crate) fn warned(seen: &Observation, note: &str) -> Observation {
    let text = match seen.output() {
        Some(text) => format!("{text}; {note}"),
        None => note.to_owned(),
    };
    with_readings(seen.readings(), Observation::warn(text))
}

/// Turns a failure that does not count into a warning, with this text after its own one.
pub(crate) fn excused(failure: &Failure, note: &str) -> Observation {
    let text = format!("{}; {note}", failure.output());
    with_readings(failure.readings(), Observation::warn(text))
}

/// Gives what a run has seen another text. One that passes has none.
pub(crate) fn reworded(seen: Observation, reword: impl FnOnce(&str) -> String) -> Observation {
    match (seen.status(), seen.output()) {
        (Status::Warn, Some(text)) => {
            with_readings(seen.readings(), Observation::warn(reword(text)))
        }
        _ => seen,
    }
}

fn with_readings(readings: &[Reading], mut named: Observation) -> Observation {
    for reading in readings {
        let (value, unit) = (reading.value().clone(), reading.unit().unwrap_or_default());
        named = match reading.measurement() {
            Some(name) => named.measurement(name.to_owned(), value, unit.to_owned()),
            None => named.value(value, unit.to_owned()),
        };
    }
    named
}
