//! The work for a text is linear in its length, and no index falls into a character.

use proptest::prelude::*;
use proptest::sample::select;

use super::redact;
use super::sign::STEPS;

/// What starts or ends one of the rules.
const PARTS: [&str; 64] = [
    "=",
    ":",
    "://",
    "@",
    "\"",
    "'",
    "`",
    "\\",
    "-----BEGIN",
    " PRIVATE KEY-----",
    "-----END",
    " ",
    "\n",
    "%",
    "%3D",
    "%25",
    "%3A%2F%2F",
    "%5F",
    "\\u00",
    "\\u0022",
    "/",
    "?",
    "#",
    "&",
    ";",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "</",
    "|",
    "|\n ",
    "a",
    "A",
    "1",
    "ä",
    "a=",
    "A b",
    "token",
    "pass",
    "token=",
    "token: ",
    "token:\"",
    "token: Some(",
    "token: [",
    "token={",
    "Secret(",
    "<token>",
    "cookie: ",
    "cookie=a; ",
    "authorization: ",
    "authorization: a b=\"",
    "Bearer ",
    "sqlplus ",
    "jdbc:oracle:",
    "a:b@",
    "a/b@",
    "tcp(",
    "\\n",
];

fn repeated(part: &str, length: usize) -> String {
    part.repeat(length / part.len())
}

/// Returns how many signs and bytes are read for each byte of the text.
fn steps_per_byte(text: &str) -> f64 {
    STEPS.set(0);
    redact(text);
    STEPS.get() as f64 / text.len() as f64
}

#[track_caller]
fn assert_linear(part: &str) {
    let half = steps_per_byte(&repeated(part, 16 << 10));
    let whole = steps_per_byte(&repeated(part, 32 << 10));
    assert!(whole < half * 1.1 + 0.1, "{part:?}: {half}, then {whole}");
    assert!(whole < 40.0, "{part:?}: {whole}");
}

#[test]
fn a_text_of_one_part_is_read_in_linear_time() {
    for part in PARTS {
        assert_linear(part);
        assert_linear(&format!("token={part}"));
        assert_linear(&format!("://{part}"));
    }
}

// Steps count signs and bytes. With a search that does not count, this test would not end.
#[test]
fn a_very_long_text_is_read_at_all() {
    for part in PARTS {
        redact(&repeated(part, 256 << 10));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // `PROPTEST_CASES` sets more.
        cases: ProptestConfig::default().cases.max(64),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_text_of_any_parts_is_read_in_linear_time(
        start in proptest::collection::vec(select(&PARTS[..]), 0..3),
        parts in proptest::collection::vec(select(&PARTS[..]), 1..6),
    ) {
        let (start, part) = (start.concat(), parts.concat());
        let half = steps_per_byte(&(start.clone() + &repeated(&part, 4 << 10)));
        let whole = steps_per_byte(&(start + &repeated(&part, 8 << 10)));
        prop_assert!(whole < half * 1.1 + 0.1, "{part:?}: {half}, then {whole}");
    }

    #[test]
    fn no_index_falls_into_a_character(
        parts in proptest::collection::vec(prop_oneof![
            select(&PARTS[..]).prop_map(str::to_owned),
            ".{0,2}",
        ], 0..30),
    ) {
        redact(&parts.concat());
    }
}
