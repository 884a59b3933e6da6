//! Plots, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::table::{Bar, number};

const OURS: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const OTHERS: RGBColor = RGBColor(0xa0, 0xa0, 0xa0);
const LIMIT: RGBColor = RGBColor(0xd6, 0x27, 0x28);

/// Horizontal bars, the shortest on top; what is ours stands out.
///
/// # Errors
///
/// If the file cannot be written.
pub fn bars(path: &Path, title: &str, unit: &str, bars: &[Bar]) -> Result<(), Box<dyn Error>> {
    let mut bars = bars.to_vec();
    bars.sort_by(|one, other| one.value.total_cmp(&other.value));
    let row = 34;
    let (width, left, top) = (860, 300, 46);
    let height = top + row * bars.len() as i32 + 14;
    let root = SVGBackend::new(path, (width as u32, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let heading = ("sans-serif", 18).into_font();
    root.draw(&Text::new(format!("{title} ({unit})"), (16, 14), heading))?;
    let most = bars
        .iter()
        .map(|bar| bar.value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let room = f64::from(width - left - 110);
    for (index, bar) in bars.iter().enumerate() {
        let y = top + row * index as i32;
        let end = left + (bar.value / most * room) as i32;
        let color = if bar.is_ours { OURS } else { OTHERS };
        root.draw(&Rectangle::new(
            [(left, y + 4), (end, y + row - 4)],
            color.filled(),
        ))?;
        let font = ("sans-serif", 14).into_font();
        root.draw(&Text::new(bar.label.clone(), (16, y + 10), font.clone()))?;
        root.draw(&Text::new(number(bar.value), (end + 8, y + 10), font))?;
    }
    root.present()?;
    Ok(())
}

/// Values of several series, a row of points for each, and the limit of all.
///
/// # Errors
///
/// If the file cannot be written.
pub fn dots(
    path: &Path,
    title: &str,
    unit: &str,
    series: &[(String, Vec<f64>)],
    limit: f64,
) -> Result<(), Box<dyn Error>> {
    let row = 30;
    let (width, left, top) = (860, 300, 46);
    let height = top + row * series.len() as i32 + 40;
    let root = SVGBackend::new(path, (width as u32, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let heading = ("sans-serif", 18).into_font();
    root.draw(&Text::new(format!("{title} ({unit})"), (16, 14), heading))?;
    let values = series.iter().flat_map(|(_, values)| values);
    let most = values.copied().fold(limit, f64::max) * 1.02;
    let x = |value: f64| left + (value / most * f64::from(width - left - 40)) as i32;
    let bottom = top + row * series.len() as i32;
    root.draw(&PathElement::new([(x(0.0), top), (x(0.0), bottom)], BLACK))?;
    root.draw(&PathElement::new(
        [(x(limit), top), (x(limit), bottom)],
        LIMIT.stroke_width(2),
    ))?;
    let font = ("sans-serif", 14).into_font();
    let label = format!("limit: {}", number(limit));
    root.draw(&Text::new(
        label,
        (x(limit) - 70, bottom + 8),
        font.color(&LIMIT),
    ))?;
    root.draw(&Text::new("0", (x(0.0) - 4, bottom + 8), font.clone()))?;
    for (index, (label, values)) in series.iter().enumerate() {
        let y = top + row * index as i32;
        root.draw(&Text::new(label.clone(), (16, y + 8), font.clone()))?;
        for value in values {
            let point = (x(*value), y + row / 2);
            root.draw(&Circle::new(point, 3, OURS.mix(0.5).filled()))?;
        }
    }
    root.present()?;
    Ok(())
}
