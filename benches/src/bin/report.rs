//! Measures everything, and writes `RESULTS.md` and the plots beside it.
//!
//! `report short` does all of it in a few minutes, to see whether it works; its numbers are worth
//! little. `report short detection` does that of detection alone, and writes nothing; the other
//! names are `ordinary`, `probes`, `grpc`, `while`, `storm`, `resident` and `watch`.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use tower_health_benches::detection::{self, Detected, detection};
use tower_health_benches::effort::Effort;
use tower_health_benches::table::{Section, markdown, text};
use tower_health_benches::{instructions, load, machine, plots, rows};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if instructions::is_child(&args) || rows::is_child(&args) || load::is_child(&args) {
        return Ok(());
    }
    let effort = match args.first().map(String::as_str) {
        Some("short") => Effort::SHORT,
        _ => Effort::FULL,
    };
    let names: Vec<&String> = args.iter().filter(|arg| *arg != "short").collect();
    if !names.is_empty() {
        let is_wanted = |name: &str| names.iter().any(|wanted| *wanted == name);
        let mut sections = long(&effort, is_wanted);
        if is_wanted("detection") {
            sections.push(detection(&effort).0);
        }
        print!("{}", text(&sections));
        return Ok(());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(folder.join("plots"))?;

    let (detection, detected) = detection(&effort);
    let mut long = long(&effort, |_| true);
    long.push(detection);
    let quick = rows::quick(&[]);

    let mut plotted = Vec::new();
    for section in quick.iter().chain(&long) {
        plotted.extend(plot(folder, section)?);
    }
    plotted.extend(plot_detection(folder, &detected)?);
    fs::write(
        folder.join("RESULTS.md"),
        results(&effort, &quick, &long, &plotted)?,
    )?;
    print!("{}", text(&[quick, long].concat()));
    Ok(())
}

/// What is wanted of what takes real connections.
fn long(effort: &Effort, is_wanted: impl Fn(&str) -> bool) -> Vec<Section> {
    let mut sections = load::sections(effort, &is_wanted);
    if is_wanted("watch") {
        sections.push(load::per_watch());
    }
    sections
}

/// A plot in the folder, under a title.
struct Plotted {
    title: String,
    file: String,
}

fn plot(folder: &Path, section: &Section) -> Result<Option<Plotted>, Box<dyn Error>> {
    let Some(plot) = &section.plot else {
        return Ok(None);
    };
    let file = format!("plots/{}.svg", plot.file);
    plots::bars(&folder.join(&file), plot.title, plot.unit, &plot.bars)?;
    Ok(Some(Plotted {
        title: format!("{} ({})", plot.title, plot.unit),
        file,
    }))
}

fn plot_detection(folder: &Path, all: &[Detected]) -> Result<Option<Plotted>, Box<dyn Error>> {
    let series: Vec<(String, Vec<f64>)> = all
        .iter()
        .flat_map(|one| {
            [
                (format!("{}: 503", one.fault), one.to_503.clone()),
                (format!("{}: 200", one.fault), one.to_200.clone()),
            ]
        })
        .collect();
    let title = "Until readiness tells of a fault, and of its end";
    let file = "plots/detection.svg".to_owned();
    plots::dots(&folder.join(&file), title, "ms", &series, detection::LIMIT)?;
    Ok(Some(Plotted {
        title: title.to_owned(),
        file,
    }))
}

fn results(
    effort: &Effort,
    quick: &[Section],
    long: &[Section],
    plotted: &[Plotted],
) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "# Results\n")?;
    writeln!(
        out,
        "Written by `cargo run --release --manifest-path benches/Cargo.toml --bin report`.\n\
         The first part alone is `cargo bench --bench ratios`.\n"
    )?;
    writeln!(out, "{}", machine::description())?;
    writeln!(
        out,
        "Times are medians with quartiles of ratios, taken in turns within one run; instructions \
         are counted by callgrind; servers had {} turns of {} s under load, and each fault was \
         inflicted {} times.\n",
        effort.rounds,
        effort.turn.as_secs(),
        effort.detections
    )?;
    writeln!(out, "## In one process\n\n{}", markdown(quick))?;
    writeln!(
        out,
        "## Over real connections, and with real servers\n\n{}",
        markdown(long)
    )?;
    writeln!(out, "## Plots\n")?;
    for plot in plotted {
        writeln!(out, "![{}]({})\n", plot.title, plot.file)?;
    }
    Ok(out.trim_end().to_owned() + "\n")
}
