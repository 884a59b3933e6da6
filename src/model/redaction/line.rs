//! Makes a text safe to stand in a line of a log or of a plain report.

use std::fmt::Write as _;

/// Escapes the characters that forge a line: controls, line separators and bidirectional controls.
///
/// Bidirectional controls make a terminal or viewer display a line in another order.
pub(crate) fn escape_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if c.is_control() || is_line_separator(c) || is_bidirectional_control(c) => {
                // Writing to a `String` cannot fail.
                let _ = write!(line, "{}", c.escape_unicode());
            }
            c => line.push(c),
        }
    }
    line
}

fn is_line_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// The characters with the Unicode property `Bidi_Control`.
fn is_bidirectional_control(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_forges_a_line() {
        let line = escape_line("a\r\n[+]db ok\u{2028}b\u{0}\u{1b}[31m\tc");
        assert_eq!(line, "a\\r\\n[+]db ok\\u{2028}b\\u{0}\\u{1b}[31m\\tc");
    }

    #[test]
    fn no_text_changes_the_display_order_of_a_line() {
        let ranges = ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'];
        for c in ranges.into_iter().flatten().chain(marks) {
            let line = escape_line(&format!("db {c}ko"));
            assert_eq!(line, format!("db {}ko", c.escape_unicode()));
        }
        // The joiners next to them are part of ordinary text and emoji.
        for text in ["שלום", "می\u{200c}خواهم", "👩\u{200d}🚀"] {
            assert_eq!(escape_line(text), text);
        }
    }
}
