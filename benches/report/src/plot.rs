//! The plot of the README: the time of `GET /readyz`, with the layer and as a route.

use std::fmt::Write;
use std::path::Path;

use crate::question::Measured;

pub(crate) const TITLE: &str = "GET /readyz, layer outside an axum Router, or a route";
pub(crate) const FILE: &str = "probe.svg";

const ROW: usize = 34;
const LEFT: usize = 300;
const TOP: usize = 46;
const WIDTH: usize = 860;

/// Writes horizontal bars, the shortest on top.
pub(crate) fn write(ours: &[Measured], others: &[Measured]) -> std::io::Result<()> {
    let bars = |all: &[Measured], color: &'static str| -> Vec<(f64, String, &'static str)> {
        let bar = |one: &Measured| (one.time.spread().median, one.name.to_owned(), color);
        all.iter().map(bar).collect()
    };
    let mut bars = [bars(ours, "#1f77b4"), bars(others, "#a0a0a0")].concat();
    bars.sort_by(|one, other| one.0.total_cmp(&other.0));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    std::fs::write(path, svg(&bars))
}

fn svg(bars: &[(f64, String, &str)]) -> String {
    let height = TOP + ROW * bars.len() + 14;
    let most = bars
        .iter()
        .map(|bar| bar.0)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"28\" font-size=\"18\">{TITLE} (ns)</text>\n"
    );
    for (index, (value, label, color)) in bars.iter().enumerate() {
        let y = TOP + ROW * index;
        let width = (value / most * (WIDTH - LEFT - 110) as f64) as usize;
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{text}\">{label}</text>\n\
             <rect x=\"{LEFT}\" y=\"{bar}\" width=\"{width}\" height=\"{thick}\" fill=\"{color}\"/>\n\
             <text x=\"{end}\" y=\"{text}\">{value:.0}</text>",
            text = y + 22,
            bar = y + 4,
            thick = ROW - 8,
            end = LEFT + width + 8,
        );
    }
    svg + "</svg>\n"
}
