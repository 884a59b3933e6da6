//! Writes `RESULTS.md`.

use std::fmt::Write;
use std::path::Path;

use crate::table::{HEAD, Section};
use crate::{Effort, machine, plot};

pub(crate) fn write(effort: Effort, sections: &[Section]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = format!(
        "# Results\n\n\
         Written by `cargo run --release --manifest-path benches/report/Cargo.toml`.\n\
         `cargo bench --bench ratios` measures what needs no other crate.\n\n\
         {}\n\
         Times are medians, with quartiles of ratios; what is compared took turns in one run.\n\
         Callgrind counted the instructions.\n\
         Servers had {} turns of {} s under load, and each fault was inflicted {} times.\n\n\
         ![{}]({})\n",
        machine::description(),
        effort.rounds,
        effort.turn.as_secs(),
        effort.detections,
        plot::TITLE,
        plot::FILE,
    );
    for section in sections {
        text += &markdown(section);
        if section.0 == plot::TITLE {
            plot::write(&section.1)?;
        }
    }
    std::fs::write(folder.join("RESULTS.md"), text)
}

/// A table under its title.
pub(crate) fn markdown((title, rows): &Section) -> String {
    let line = |cells: [&str; 6]| format!("| {} |", cells.join(" | "));
    let rule = "---|".repeat(HEAD.len());
    let mut text = format!("\n## {title}\n\n{}\n|{rule}\n", line(HEAD));
    for row in rows {
        let cells = row.cells().map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(text, "{}", line(cells.each_ref().map(String::as_str)));
    }
    text
}
