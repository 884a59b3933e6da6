//! The one table: sections of rows, and the verdict on those that have a target.

mod format;
mod render;
mod row;
mod verdict;

pub use format::number;
pub use render::{markdown, text};
pub use row::{Of, Row};

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
