//! The table: sections of rows, with a verdict on each row that has a target.

use std::fmt::Write;

use crate::timing::{Samples, Spread};

pub(crate) const HEAD: [&str; 6] = [
    "what",
    "ours",
    "peer or control",
    "ratio or difference",
    "target",
    "verdict",
];

/// A title, and the rows below it.
pub(crate) type Section = (&'static str, Vec<Row>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    what: String,
    ours: String,
    other: String,
    relation: String,
    target: String,
    /// `None` if it has no target.
    pub(crate) is_met: Option<bool>,
}

/// Whose value it is, and the value.
pub(crate) type Of<'a, T> = (&'a str, T);

impl Row {
    pub(crate) fn new(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ours: ours.into(),
            ..Self::default()
        }
    }

    /// A number, and the most that it may be.
    pub(crate) fn number(what: &str, unit: &str, ours: f64, at_most: Option<f64>) -> Self {
        let format = |value| with_unit(value, unit);
        Self::new(what, format(ours)).judged(ours, at_most, format)
    }

    /// Two numbers, with their ratio and the most that it may be.
    pub(crate) fn ratio(
        what: &str,
        unit: &str,
        ours: f64,
        (name, other): Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        let ratio = ours / other;
        Self::new(what, with_unit(ours, unit))
            .beside(name, &with_unit(other, unit), format!("{ratio:.2} ×"))
            .judged(ratio, at_most, |most| format!("{most} ×"))
    }

    /// Two numbers, with their difference and the most that it may be.
    pub(crate) fn difference(
        what: &str,
        unit: &str,
        ours: f64,
        (name, other): Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        Self::new(what, with_unit(ours, unit))
            .beside(name, &with_unit(other, unit), signed(ours - other))
            .judged(ours - other, at_most, signed)
    }

    /// Two series of values taken in turns, with the median of their ratios.
    pub(crate) fn series(
        what: impl Into<String>,
        format: impl Fn(f64) -> String,
        ours: &Samples,
        (name, other): Of<'_, &Samples>,
        at_most: Option<f64>,
    ) -> Self {
        let Spread { low, median, high } = ours.against(other);
        let relation = format!("{median:.2} × ({low:.2}–{high:.2})");
        Self::new(what, format(ours.spread().median))
            .beside(name, &format(other.spread().median), relation)
            .judged(median, at_most, |most| format!("{most} ×"))
    }

    fn beside(mut self, name: &str, value: &str, relation: String) -> Self {
        self.other = format!("{name}: {value}");
        self.relation = relation;
        self
    }

    /// What the table shows as equal to the target meets it; NaN does not.
    pub(crate) fn judged(
        mut self,
        value: f64,
        at_most: Option<f64>,
        format: impl Fn(f64) -> String,
    ) -> Self {
        if let Some(most) = at_most {
            self.target = format!("≤ {}", format(most));
            self.is_met = Some(value <= most + 0.005);
        }
        self
    }

    pub(crate) fn cells(&self) -> [&str; 6] {
        let verdict = match self.is_met {
            None => "",
            Some(true) => "ok",
            Some(false) => "SHORT",
        };
        let [what, ours, other] = [&self.what, &self.ours, &self.other];
        [what, ours, other, &self.relation, &self.target, verdict]
    }
}

/// All sections as one table for a terminal.
pub(crate) fn text(sections: &[Section]) -> String {
    let rows = || sections.iter().flat_map(|(_, rows)| rows);
    let mut widths = HEAD.map(|head| head.chars().count());
    for row in rows() {
        let cells = row.cells();
        // A cell with nothing to its right does not widen its column.
        let last = cells.iter().rposition(|cell| !cell.is_empty());
        for (width, cell) in widths.iter_mut().zip(cells).take(last.unwrap_or(0)) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: [&str; 6]| {
        for (width, cell) in widths.iter().zip(cells) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    };
    line(HEAD);
    for (title, rows) in sections {
        line([""; 6]);
        line([title, "", "", "", "", ""]);
        rows.iter().for_each(|row| line(row.cells()));
    }
    let verdicts: Vec<bool> = rows().filter_map(|row| row.is_met).collect();
    let met = verdicts.iter().filter(|is_met| **is_met).count();
    let _ = writeln!(text, "\n{met} of {} targets are met.", verdicts.len());
    text
}

/// A number with as many digits as mean something, and its unit if it has one.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    let number = if (value - value.round()).abs() < 0.005 || value.abs() >= 100.0 {
        grouped(value.round() as i64)
    } else {
        format!("{value:.2}")
    };
    format!("{number} {unit}").trim_end().to_owned()
}

/// Nanoseconds, but microseconds from 10,000 on.
pub(crate) fn nanoseconds(value: f64) -> String {
    if value < 10_000.0 {
        format!("{value:.0} ns")
    } else {
        format!("{:.1} µs", value / 1000.0)
    }
}

/// A number with its sign, also if it is positive.
fn signed(value: f64) -> String {
    let sign = if value < 0.0 { "" } else { "+" };
    format!("{sign}{}", with_unit(value, ""))
}

fn grouped(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let mut groups = Vec::new();
    let mut rest = value.unsigned_abs();
    while rest >= 1000 {
        groups.insert(0, format!(",{:03}", rest % 1000));
        rest /= 1000;
    }
    format!("{sign}{rest}{}", groups.concat())
}
