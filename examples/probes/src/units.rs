//! Durations as the platforms write them.

use std::time::Duration;

use crate::tree::{Node, Value};

/// Reads `1m30s`, `500ms`, `1h`, `1s 500ms`; a bare number counts in `bare`.
pub(crate) fn duration(text: &str, bare: Duration) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(bare.as_secs_f64() * number).ok();
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => return None,
        };
        total += Duration::try_from_secs_f64(number * unit).ok()?;
        rest = rest[letters..].trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// The duration that stands here.
pub(crate) fn of_node(node: &Node, bare: Duration) -> Option<Duration> {
    match &node.value {
        Value::Int(_) | Value::Float(_) | Value::Text(_) => duration(&node.written()?, bare),
        _ => None,
    }
}

/// Writes a duration as an operator would.
pub(crate) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds != 0.0 && seconds < 1.0 {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", (seconds * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn durations_read_as_the_platforms_mean_them() {
        let second = Duration::from_secs(1);
        let table = [
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("1m 30s", 90_000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("10", 10_000),
        ];
        for (text, millis) in table {
            let read = super::duration(text, second);
            assert_eq!(read, Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "3x", "-1s"] {
            assert_eq!(super::duration(text, second), None, "{text}");
        }
    }
}
