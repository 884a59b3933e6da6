//! The table and the medians that the bench shares with this report.

use crate::results::markdown;
use crate::table::{Row, Section, nanoseconds, text, with_unit};
use crate::timing::{Samples, Spread};

fn section() -> Section {
    let rows = vec![
        Row::ratio("fast", "B", 50.0, ("peer", 100.0), Some(0.25)),
        Row::difference("same", "", 2.0, ("peer", 2.0), Some(0.0)),
        Row::new("why", "a text | far longer than any other in its column"),
    ];
    let title = "Section with a title that is longer than any cell of it";
    (title, rows)
}

#[test]
fn columns_are_as_wide_as_cells_with_something_to_their_right() {
    let expected = "\
what  ours  peer or control  ratio or difference  target    verdict

Section with a title that is longer than any cell of it
fast  50 B  peer: 100 B      0.50 ×               ≤ 0.25 ×  SHORT
same  2     peer: 2          +0                   ≤ +0      ok
why   a text | far longer than any other in its column

1 of 2 targets are met.
";
    assert_eq!(text(&[section()]), expected);
}

#[test]
fn a_bar_within_a_cell_ends_no_column_of_markdown() {
    let text = markdown(&section());
    let rows: Vec<&str> = text.lines().skip(5).collect();
    let expected = [
        "| fast | 50 B | peer: 100 B | 0.50 × | ≤ 0.25 × | SHORT |",
        "| same | 2 | peer: 2 | +0 | ≤ +0 | ok |",
        "| why | a text \\| far longer than any other in its column |  |  |  |  |",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_target_is_met_up_to_what_is_shown_as_equal() {
    for (value, expected) in [
        (0.0, true),
        (1.034, true),
        (1.04, false),
        (f64::NAN, false),
        (f64::INFINITY, false),
    ] {
        let row = Row::number("", "", value, Some(1.03));
        assert_eq!(row.is_met, Some(expected), "{value}");
    }
}

#[test]
fn numbers_have_as_many_digits_as_mean_something() {
    for (value, expected) in [
        (0.004, "0"),
        (0.25, "0.25"),
        (2.0, "2"),
        (99.5, "99.50"),
        (100.4, "100"),
        (999.6, "1,000"),
        (1_034_567.0, "1,034,567"),
        (-1_516.0, "-1,516"),
    ] {
        assert_eq!(with_unit(value, ""), expected);
    }
    assert_eq!(with_unit(8.0, "B"), "8 B");
    assert_eq!(nanoseconds(9_999.0), "9999 ns");
    assert_eq!(nanoseconds(10_000.0), "10.0 µs");
}

#[test]
fn a_spread_is_the_median_with_quartiles_whatever_the_order() {
    for (values, expected) in [
        (vec![7.0], [7.0, 7.0, 7.0]),
        (vec![4.0, 2.0], [2.5, 3.0, 3.5]),
        (vec![5.0, 1.0, 4.0, 2.0, 3.0], [2.0, 3.0, 4.0]),
        (vec![1.0, 1.0, 1.0, 1.0, 900.0], [1.0, 1.0, 1.0]),
    ] {
        let Spread { low, median, high } = Spread::of(values);
        assert_eq!([low, median, high], expected);
    }
}

#[test]
fn ratios_are_those_of_each_round_not_of_the_medians() {
    let ours = Samples(vec![2.0, 40.0, 6.0]);
    let other = Samples(vec![1.0, 10.0, 1.0]);
    assert_eq!(ours.against(&other).median, 4.0);
}

#[test]
fn the_plot_has_one_bar_for_each_subject() {
    let ours = Samples(vec![241.0]);
    let rows = [("route", 637.0), ("other crate", 1194.0)].map(|(name, other)| {
        let other = (name, &Samples(vec![other]));
        Row::series("tower-health: time", nanoseconds, &ours, other, None)
    });
    let svg = crate::plot::of(&rows);
    for text in ["tower-health", "route", "other crate", "241", "637", "1194"] {
        let cell = format!(">{text}</text>");
        assert_eq!(svg.matches(&cell).count(), 1, "{text}: {svg}");
    }
}
