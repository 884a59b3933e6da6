//! Quoted texts: where they start and end, however often they were escaped.

use super::sign::{Sign, is_letter, sign};

/// The start of a quoted text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quote {
    byte: u8,
    depth: usize,
    /// The backslashes before the quote: one in JSON in JSON, three a level deeper.
    backslashes: usize,
    /// The index after the quote.
    pub(super) start: usize,
}

/// Reads the start of a quoted text, such as `"`, `\"`, `b"`, `r#"` or `%22`.
pub(super) fn opening(text: &[u8], at: usize) -> Option<Quote> {
    let prefix = text[at..].iter().take(2);
    let prefix = prefix.take_while(|byte| b"bBrRuUnN&$@#".contains(byte));
    let (mut at, mut backslashes) = (at + prefix.count(), 0);
    loop {
        let sign = sign(text, at)?;
        at = sign.end;
        if sign.is_quote() {
            return Some(Quote {
                byte: sign.byte,
                depth: sign.depth,
                backslashes,
                start: at,
            });
        }
        if sign.byte != b'\\' {
            return None;
        }
        backslashes += 1;
    }
}

/// The end of a quoted text.
pub(super) struct Closing {
    /// The index of the closing quote, or of the backslashes that belong to it.
    pub(super) start: usize,
    /// The index after the closing quote.
    pub(super) end: usize,
}

impl Quote {
    /// Stands for the start of a quoted text of which only the rest, from `start`, is known.
    pub(super) fn around(start: usize, backslashes: usize) -> Self {
        Self {
            byte: b'"',
            depth: 0,
            backslashes,
            start,
        }
    }

    /// Returns the same quoted text as if it started at a later index.
    pub(super) fn from(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// Finds the end of the quoted text: that of the whole text if no quote closes it.
    ///
    /// Each level of escaping doubles the backslashes and adds one to a quote. So after `\"`, with
    /// one backslash, a quote in the text has three, a backslash four, and a backslash before the
    /// closing quote five: the remainder by four tells which of these it is. Any other remainder
    /// is that of a text around this one, which ends this one too.
    pub(super) fn closing(self, text: &[u8]) -> Closing {
        let (mut at, mut run) = (self.start, 0);
        while let Some(read) = sign(text, at) {
            let closes =
                read.byte == self.byte && read.depth <= self.depth && !self.is_escaped(run);
            if closes {
                match self.after_quote(text, read, run) {
                    After::End => {
                        return Closing {
                            start: self.closing_start(text, at, run),
                            end: read.end,
                        };
                    }
                    After::Text(next) => at = next,
                }
                run = 0;
                continue;
            }
            run = if read.byte == b'\\' { run + 1 } else { 0 };
            at = read.end;
        }
        Closing {
            start: text.len(),
            end: text.len(),
        }
    }

    /// Returns whether a quote after a run of backslashes is a part of the text.
    fn is_escaped(self, run: usize) -> bool {
        if self.byte != b'"' && self.backslashes == 0 {
            // JSON and `Debug` escape backslashes, but not these quotes: how often the text around
            // this one was escaped is not known.
            return run > 0;
        }
        let period = 2 * (self.backslashes + 1);
        run % period == period - 1
    }

    /// Returns whether the text ends with the quote that was read.
    ///
    /// SQL doubles a quote in a text. Where a letter follows the quote, as in `'it's'`, nobody
    /// escaped it.
    fn after_quote(self, text: &[u8], quote: Sign, run: usize) -> After {
        let doubled = sign(text, quote.end).filter(|next| next.byte == self.byte && run == 0);
        match (doubled, text.get(quote.end)) {
            (Some(doubled), _) => After::Text(doubled.end),
            (None, Some(byte)) if is_letter(*byte) => After::Text(quote.end),
            _ => After::End,
        }
    }

    fn closing_start(self, text: &[u8], quote: usize, run: usize) -> usize {
        let own = run.min(self.backslashes);
        let start = quote.saturating_sub(own);
        // Encoded backslashes are longer; the mask then covers them too.
        if text[start..quote].iter().all(|byte| *byte == b'\\') {
            start
        } else {
            quote
        }
    }
}

enum After {
    /// The quoted text ends here.
    End,
    /// It goes on at this index.
    Text(usize),
}

/// Returns whether a quote at the end of an unquoted value is that of a text around it.
///
/// In `password=it's` the quote belongs to the value; in `"password=it"` it does not.
pub(super) fn ends_value(text: &[u8], quote: Sign) -> bool {
    sign(text, quote.end)
        .is_none_or(|next| next.is_space() || next.is_quote() || next.is_one_of(b",;)]}>:.\\&|/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> &str {
        let quote = opening(text.as_bytes(), 0).unwrap();
        &text[quote.start..quote.closing(text.as_bytes()).start]
    }

    #[test]
    fn a_text_ends_at_the_quote_of_its_own_level() {
        for (text, expected) in [
            (r#""a" b"#, "a"),
            (r#""a\"b" c"#, r#"a\"b"#),
            (r#""a\\" c"#, r#"a\\"#),
            (r#"\"a\", "b""#, "a"),
            (r#"\"a\\\"b\", "c""#, r#"a\\\"b"#),
            (r#"\"a\\\\\", "c""#, r#"a\\\\"#),
            (r#"\\\"a\\\\\\\"b\\\" c"#, r#"a\\\\\\\"b"#),
            // The text around it ends first.
            (r#"\"a" b"#, "a"),
            ("'it''s' b", "it''s"),
            ("'it's' b", "it's"),
            ("'a\"b' c", "a\"b"),
            ("b\"a\" b", "a"),
            ("%22a b%5C%22c%22 d", "a b%5C%22c"),
            ("\"a%22b\" c", "a%22b"),
            (r"\u0022a\u0022 b", "a"),
            ("\"\" a", ""),
            ("\"a", "a"),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }

    #[test]
    fn a_word_is_not_quoted() {
        for text in ["", "a", "bread", "\\", "\\n", "##"] {
            assert!(opening(text.as_bytes(), 0).is_none(), "{text}");
        }
    }
}
