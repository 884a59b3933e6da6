//! What was measured of one subject, and the rows that it makes.

use super::question::Measure::{self, Allocations, Bytes, Instructions, Time};
use crate::catalogue::Side;
use crate::counting::Cost;
use crate::instructions::Unavailable;
use crate::table::{Bar, Of, Row};
use crate::timing::Samples;

pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) side: Side,
    pub(super) cost: Cost,
    pub(super) instructions: Result<f64, Unavailable>,
    pub(super) time: Samples,
}

impl Measured {
    pub(super) fn bar(&self) -> Bar {
        Bar {
            label: self.name.to_owned(),
            value: self.time.spread().median,
            is_ours: self.side == Side::Ours,
        }
    }

    pub(super) fn beside(&self, other: &Self, measure: Measure, at_most: Option<f64>) -> Row {
        let what = self.what(measure);
        match measure {
            Time => Row::time(
                what,
                self.time.spread(),
                Of(other.name, other.time.spread()),
                self.time.against(&other.time),
                at_most,
            ),
            Instructions => match (&self.instructions, &other.instructions) {
                (Ok(count), Ok(others)) => {
                    Row::difference(what, "", *count, Of(other.name, *others), at_most)
                }
                (Err(Unavailable(why)), _) | (_, Err(Unavailable(why))) => Row::note(what, why),
            },
            Allocations => {
                let [count, others] = [self, other].map(|one| one.cost.allocations as f64);
                Row::difference(what, "", count, Of(other.name, others), at_most)
            }
            Bytes => {
                let [count, others] = [self, other].map(|one| one.cost.bytes as f64);
                let other = Of(other.name, others);
                // Nothing is a multiple of nothing.
                if others == 0.0 {
                    Row::difference(what, "B", count, other, at_most)
                } else {
                    Row::ratio(what, "B", count, other, at_most)
                }
            }
        }
    }

    /// Where there is nothing to be compared with.
    pub(super) fn alone(&self, measure: Measure) -> Row {
        let what = self.what(measure);
        match measure {
            Time => Row::duration(what, self.time.spread()),
            Instructions => match &self.instructions {
                Ok(count) => Row::number(what, "", *count, None),
                Err(Unavailable(why)) => Row::note(what, why),
            },
            Allocations => Row::number(what, "", self.cost.allocations as f64, None),
            Bytes => Row::number(what, "B", self.cost.bytes as f64, None),
        }
    }

    fn what(&self, measure: Measure) -> String {
        let measure = match measure {
            Time => "time",
            Instructions => "instructions",
            Allocations => "allocations",
            Bytes => "allocated",
        };
        format!("{}: {measure}", self.name)
    }
}
