//! Every stack with and without a layer: requests that pass through, and probes.

mod measured;
mod question;
mod questions;

use std::time::Duration;

use self::measured::Measured;
use self::question::{Measure, Question};
use self::questions::QUESTIONS;
use crate::catalogue::{Side, Spec};
use crate::counting::Cost;
use crate::instructions::{self, Unavailable};
use crate::subject::Subject;
use crate::table::{Plot, Section};
use crate::timing::interleave;

/// All of them, each subject timed for so long.
pub fn stacks(each: Duration) -> Vec<Section> {
    QUESTIONS
        .iter()
        .map(|question| answer(question, each))
        .collect()
}

fn answer(question: &Question, each: Duration) -> Section {
    let measured = measure(question, each);
    let (ours, others): (Vec<_>, Vec<_>) = measured.iter().partition(|one| one.side == Side::Ours);
    let mut section = Section::new(question.title);
    for measure in question.measures() {
        for one in &ours {
            if others.is_empty() {
                section.rows.push(one.alone(*measure));
            }
            for other in &others {
                let at_most = question.at_most(*measure, one.name, other.name);
                section.rows.push(one.beside(other, *measure, at_most));
            }
        }
    }
    section.plot = question.plot.map(|(file, title)| Plot {
        file,
        title,
        unit: "ns",
        bars: measured.iter().map(Measured::bar).collect(),
    });
    section
}

fn measure(question: &Question, each: Duration) -> Vec<Measured> {
    let specs = question.specs();
    let mut subjects: Vec<Subject> = specs.iter().map(|spec| spec.make(question.ask)).collect();
    let costs: Vec<Cost> = subjects.iter_mut().map(Subject::cost).collect();
    let times = interleave(&mut subjects, each);
    let all = specs.iter().zip(costs).zip(times);
    all.map(|((spec, cost), time)| Measured {
        name: spec.name,
        side: spec.side,
        cost,
        instructions: instructions(question, *spec),
        time,
    })
    .collect()
}

fn instructions(question: &Question, spec: Spec) -> Result<f64, Unavailable> {
    if question.measures().contains(&Measure::Instructions) {
        instructions::count(spec, question.ask)
    } else {
        Err(Unavailable("not counted".to_owned()))
    }
}
