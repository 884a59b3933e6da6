//! Numbers as people read them.

use crate::timing::Spread;

/// With as many digits as mean something.
pub fn number(value: f64) -> String {
    let whole = value.round();
    if (value - whole).abs() < 0.005 || value.abs() >= 100.0 {
        grouped(whole as i64)
    } else {
        format!("{value:.2}")
    }
}

pub(super) fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "" => number(value),
        unit => format!("{} {unit}", number(value)),
    }
}

/// A number of them, but µs once they are many.
pub(super) fn nanoseconds(value: f64) -> String {
    if value < 10_000.0 {
        format!("{value:.0} ns")
    } else {
        format!("{:.1} µs", value / 1000.0)
    }
}

pub(super) fn times(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

/// The median, with the quartiles behind it.
pub(super) fn times_between(ratio: Spread) -> String {
    format!(
        "{} ({:.2}–{:.2})",
        times(ratio.median),
        ratio.low,
        ratio.high
    )
}

/// With a sign, whichever it is.
pub(super) fn signed(value: f64) -> String {
    let sign = if value < 0.0 { "" } else { "+" };
    format!("{sign}{}", number(value))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_mean_something() {
        for (value, expected) in [
            (0.0, "0"),
            (0.004, "0"),
            (0.25, "0.25"),
            (2.0, "2"),
            (99.5, "99.50"),
            (100.4, "100"),
            (999.6, "1,000"),
            (1_234_567.0, "1,234,567"),
            (-1_516.0, "-1,516"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_unit_follows_if_there_is_one() {
        assert_eq!(with_unit(8.0, "B"), "8 B");
        assert_eq!(with_unit(8.0, ""), "8");
    }

    #[test]
    fn times_become_microseconds_when_nanoseconds_get_long() {
        assert_eq!(nanoseconds(9_999.0), "9999 ns");
        assert_eq!(nanoseconds(10_000.0), "10.0 µs");
    }

    #[test]
    fn differences_show_their_sign() {
        assert_eq!([signed(-3.0), signed(0.0), signed(3.0)], ["-3", "+0", "+3"]);
    }
}
