//! Sections as text: for a terminal, and as Markdown.

use std::fmt::Write;

use super::Section;

const HEAD: [&str; 6] = [
    "what",
    "ours",
    "peer or control",
    "ratio or difference",
    "target",
    "verdict",
];

/// One table for a terminal.
pub fn text(sections: &[Section]) -> String {
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let mut widths = HEAD.map(|head| head.chars().count());
    for row in rows() {
        let cells = row.cells();
        // What has nothing to its right makes no column wider.
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
    for section in sections {
        line([""; 6]);
        line([&section.title, "", "", "", "", ""]);
        for row in &section.rows {
            line(row.cells());
        }
    }
    let short = rows().filter(|row| row.is_short()).count();
    let judged = rows().filter(|row| row.is_judged()).count();
    let _ = writeln!(text, "\n{} of {judged} targets are met.", judged - short);
    text
}

/// A table for each section, in Markdown.
pub fn markdown(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let _ = writeln!(text, "### {}\n", section.title);
        let _ = writeln!(text, "{}\n|{}", line(HEAD), "---|".repeat(HEAD.len()));
        for row in &section.rows {
            let cells = row.cells().map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "{}", line(cells.each_ref().map(String::as_str)));
        }
        text.push('\n');
    }
    text
}

fn line(cells: [&str; 6]) -> String {
    format!("| {} |", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Of, Row};

    fn sections() -> Vec<Section> {
        let mut section = Section::new("Section with a title that is longer than any cell of it");
        section.rows = vec![
            Row::ratio("fast", "B", 50.0, Of("peer", 100.0), Some(0.25)),
            Row::difference("same", "", 2.0, Of("peer", 2.0), Some(0.0)),
            Row::note("why", "a text | far longer than any other in its column"),
        ];
        vec![section]
    }

    #[test]
    fn columns_are_as_wide_as_what_has_something_to_its_right() {
        let expected = "\
what  ours  peer or control  ratio or difference  target    verdict

Section with a title that is longer than any cell of it
fast  50 B  peer: 100 B      0.50 ×               ≤ 0.25 ×  SHORT
same  2     peer: 2          +0                   ≤ +0      ok
why   a text | far longer than any other in its column

1 of 2 targets are met.
";
        assert_eq!(text(&sections()), expected);
    }

    #[test]
    fn a_bar_within_a_cell_ends_no_column_of_markdown() {
        let text = markdown(&sections());
        let rows: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(
            rows,
            [
                "| fast | 50 B | peer: 100 B | 0.50 × | ≤ 0.25 × | SHORT |",
                "| same | 2 | peer: 2 | +0 | ≤ +0 | ok |",
                "| why | a text \\| far longer than any other in its column |  |  |  |  |",
                "",
            ]
        );
    }
}
