//! The plot of the README: the time of `GET /readyz`, with the layer and as a route.

use std::fmt::Write;
use std::path::Path;

use crate::table::Row;

pub(crate) const TITLE: &str = "GET /readyz, layer outside an axum Router, or a route";
pub(crate) const FILE: &str = "probe.svg";

const ROW: usize = 34;
const LEFT: usize = 300;
const TOP: usize = 46;
const WIDTH: usize = 860;

/// A value with its name and color.
type Bar = (f64, String, &'static str);

/// Writes the plot of these rows.
pub(crate) fn write(rows: &[Row]) -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    std::fs::write(path, of(rows))
}

/// Draws the times as horizontal bars, the shortest on top.
pub(crate) fn of(rows: &[Row]) -> String {
    let mut bars: Vec<Bar> = rows.iter().filter_map(bars_of).flatten().collect();
    bars.sort_by(|one, other| one.0.total_cmp(&other.0));
    bars.dedup_by(|one, other| one.1 == other.1);
    svg(&bars)
}

/// Reads a row such as `tower-health: time`, `241 ns`, `hand-written route: 637 ns`.
fn bars_of(row: &Row) -> Option<[Bar; 2]> {
    let [what, ours, other, ..] = row.cells();
    let (other_name, other) = other.rsplit_once(": ")?;
    let value = |text: &str| text.strip_suffix(" ns")?.parse().ok();
    Some([
        (
            value(ours)?,
            what.strip_suffix(": time")?.to_owned(),
            "#1f77b4",
        ),
        (value(other)?, other_name.to_owned(), "#a0a0a0"),
    ])
}

fn svg(bars: &[Bar]) -> String {
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
