//! Rows of results, and the verdict on those that have a target.

use std::fmt::Write;

use crate::timing::Spread;

/// A title with rows below it.
#[derive(Clone, Debug)]
pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
    pub plot: Option<Plot>,
}

/// A picture of what matters most in a section.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Without its extension.
    pub file: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    pub bars: Vec<Bar>,
}

/// One value of a plot.
#[derive(Clone, Debug)]
pub struct Bar {
    pub label: String,
    pub value: f64,
    pub is_ours: bool,
}

impl Section {
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
            plot: None,
        }
    }
}

/// One comparison.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    ours: String,
    other: String,
    relation: String,
    target: String,
    verdict: &'static str,
}

/// Something measured of somebody.
#[derive(Clone, Debug)]
pub struct Of<'a, T>(pub &'a str, pub T);

impl Row {
    /// A ratio of two times, and at most how much it should be.
    pub fn time(
        what: impl Into<String>,
        ours: Spread,
        other: Of<'_, Spread>,
        ratio: Spread,
        at_most: Option<f64>,
    ) -> Self {
        Self {
            what: what.into(),
            ours: nanoseconds(ours.median),
            other: format!("{}: {}", other.0, nanoseconds(other.1.median)),
            relation: format!("{:.2} × ({:.2}–{:.2})", ratio.median, ratio.low, ratio.high),
            ..Self::judged(ratio.median, at_most, |most| format!("≤ {most} ×"))
        }
    }

    /// A ratio of two numbers that were measured several times.
    pub fn measured(
        what: impl Into<String>,
        unit: &str,
        ours: Spread,
        other: Of<'_, Spread>,
        ratio: Spread,
        at_most: Option<f64>,
    ) -> Self {
        Self {
            what: what.into(),
            ours: format!("{} {unit}", number(ours.median)),
            other: format!("{}: {} {unit}", other.0, number(other.1.median)),
            relation: format!("{:.2} × ({:.2}–{:.2})", ratio.median, ratio.low, ratio.high),
            ..Self::judged(ratio.median, at_most, |most| format!("≤ {most} ×"))
        }
    }

    /// A ratio of two numbers.
    pub fn ratio(
        what: impl Into<String>,
        unit: &str,
        ours: f64,
        other: Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        let ratio = ours / other.1;
        Self {
            what: what.into(),
            ours: format!("{} {unit}", number(ours)),
            other: format!("{}: {} {unit}", other.0, number(other.1)),
            relation: format!("{ratio:.2} ×"),
            ..Self::judged(ratio, at_most, |most| format!("≤ {most} ×"))
        }
    }

    /// What is more or less than the other has.
    pub fn difference(
        what: impl Into<String>,
        unit: &str,
        ours: f64,
        other: Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        let difference = ours - other.1;
        Self {
            what: what.into(),
            ours: format!("{} {unit}", number(ours)),
            other: format!("{}: {} {unit}", other.0, number(other.1)),
            relation: format!(
                "{}{}",
                if difference < 0.0 { "" } else { "+" },
                number(difference)
            ),
            ..Self::judged(difference, at_most, |most| format!("≤ +{}", number(most)))
        }
    }

    /// A number that is judged by itself, and another to compare it with.
    pub fn versus(
        what: impl Into<String>,
        unit: &str,
        ours: f64,
        other: Of<'_, f64>,
        at_most: Option<f64>,
    ) -> Self {
        Self {
            other: format!("{}: {} {unit}", other.0, number(other.1)),
            ..Self::number(what, unit, ours, at_most)
        }
    }

    /// A time that has nothing beside it.
    pub fn duration(what: impl Into<String>, ours: Spread) -> Self {
        let [low, median, high] = [ours.low, ours.median, ours.high].map(nanoseconds);
        Self {
            ours: median,
            relation: format!("{low}–{high}"),
            ..Self::note(what, "")
        }
    }

    /// A number that has nothing beside it.
    pub fn number(what: impl Into<String>, unit: &str, ours: f64, at_most: Option<f64>) -> Self {
        Self {
            what: what.into(),
            ours: format!("{} {unit}", number(ours)),
            ..Self::judged(ours, at_most, |most| format!("≤ {} {unit}", number(most)))
        }
    }

    /// A median, and the largest of all, which is what is judged.
    pub fn worst(
        what: impl Into<String>,
        unit: &str,
        median: f64,
        most: f64,
        at_most: f64,
    ) -> Self {
        Self {
            ours: format!("median {}, max {} {unit}", number(median), number(most)),
            ..Self::number(what, unit, most, Some(at_most))
        }
    }

    /// What happened, and whether it should have.
    pub fn outcome(what: impl Into<String>, ours: &str, good: Option<bool>) -> Self {
        Self {
            ours: ours.to_owned(),
            verdict: good.map_or("", verdict),
            ..Self::note(what, "")
        }
    }

    /// What happened to us, and to the other.
    pub fn outcomes(what: impl Into<String>, ours: &str, other: Of<'_, &str>) -> Self {
        Self {
            ours: ours.to_owned(),
            other: format!("{}: {}", other.0, other.1),
            ..Self::note(what, "")
        }
    }

    /// Something to say in place of a result.
    pub fn note(what: impl Into<String>, text: &str) -> Self {
        Self {
            what: what.into(),
            ours: text.to_owned(),
            ..Self::judged(0.0, None, |_| String::new())
        }
    }

    fn judged(value: f64, at_most: Option<f64>, target: impl Fn(f64) -> String) -> Self {
        // What is shown as equal is equal.
        let is_met = |most: f64| value <= most + 0.005;
        Self {
            what: String::new(),
            ours: String::new(),
            other: String::new(),
            relation: String::new(),
            target: at_most.map_or_else(String::new, target),
            verdict: at_most.map_or("", |most| verdict(is_met(most))),
        }
    }

    fn cells(&self) -> [&str; 6] {
        [
            &self.what,
            &self.ours,
            &self.other,
            &self.relation,
            &self.target,
            self.verdict,
        ]
    }

    /// Whether it has a target and misses it.
    pub fn is_short(&self) -> bool {
        self.verdict == "SHORT"
    }
}

const HEAD: [&str; 6] = [
    "what",
    "ours",
    "peer or control",
    "ratio or difference",
    "target",
    "verdict",
];

fn verdict(good: bool) -> &'static str {
    if good { "ok" } else { "SHORT" }
}

/// One table for a terminal.
pub fn text(sections: &[Section]) -> String {
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let mut widths = HEAD.map(|head| head.chars().count());
    for row in rows() {
        for (width, cell) in widths.iter_mut().zip(row.cells()) {
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
    for section in sections {
        line([""; 6]);
        line([&section.title, "", "", "", "", ""]);
        for row in &section.rows {
            line(row.cells());
        }
    }
    let short = rows().filter(|row| row.is_short()).count();
    let judged = rows().filter(|row| !row.verdict.is_empty()).count();
    let _ = writeln!(text, "\n{} of {judged} targets are met.", judged - short);
    text
}

/// A table for each section, in Markdown.
pub fn markdown(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let _ = writeln!(text, "### {}\n", section.title);
        let _ = writeln!(
            text,
            "| {} |\n|{}",
            HEAD.join(" | "),
            "---|".repeat(HEAD.len())
        );
        for row in &section.rows {
            let cells = row.cells().map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push('\n');
    }
    text
}

fn nanoseconds(value: f64) -> String {
    if value < 10_000.0 {
        format!("{value:.0} ns")
    } else {
        format!("{:.1} µs", value / 1000.0)
    }
}

/// With as many digits as mean something.
pub fn number(value: f64) -> String {
    let whole = value.round();
    if (value - whole).abs() < 0.005 || value.abs() >= 100.0 {
        grouped(whole as i64)
    } else {
        format!("{value:.2}")
    }
}

fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
