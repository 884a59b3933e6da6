//! Words that a message says about a credential, where a credential could stand.

use super::sign::{Sign, is_letter, skip};

/// In `invalid token: expected a digit` the word after the colon is no token, and without it the
/// message says nothing. No password is one of these words. They are sorted.
#[rustfmt::skip]
const WORDS: [&str; 90] = [
    "a", "absent", "already", "an", "are", "authentication", "bad", "be", "broken", "can",
    "cannot", "connect", "connecting", "connection", "could", "couldn", "deadline", "denied",
    "did", "disabled", "dns", "does", "doesn", "duplicate", "empty", "eof", "error", "exceeded",
    "expected", "expired", "failed", "failure", "for", "found", "from", "has", "i/o", "if",
    "illegal", "in", "incorrect", "insufficient", "invalid", "io", "is", "its", "lookup",
    "malformed", "mismatch", "missing", "must", "needs", "nil", "no", "none", "not", "null", "on",
    "only", "operation", "os", "permission", "protocol", "redacted", "refused", "rejected",
    "request", "required", "requires", "revoked", "sensitive", "should", "status", "the", "this",
    "timed", "timeout", "tls", "to", "too", "unable", "unauthorized", "undefined", "unexpected",
    "unknown", "unsupported", "while", "wrong", "yes", "you",
];

/// Returns whether one of these words stands at an index, and nothing else up to the next space.
pub(super) fn is_at(text: &[u8], start: usize) -> bool {
    let rest = text[start..].iter();
    let is_part = |byte: u8| is_letter(byte) || byte == b'/';
    let length = rest.take(16).take_while(|byte| is_part(**byte)).count();
    let end = start + length;
    let is_ending = |sign: Sign| sign.is_quote() || sign.is_one_of(b",;:.!)]}\\");
    let rest = skip(text, end, is_ending);
    // `doesn't`
    let is_contraction = text[end..].starts_with(b"'t ");
    let ends = text.get(rest).is_none_or(u8::is_ascii_whitespace) || is_contraction;
    ends && is_known(&text[start..end])
}

fn is_known(word: &[u8]) -> bool {
    let word = || word.iter().map(u8::to_ascii_lowercase);
    let found = WORDS.binary_search_by(|known| known.bytes().cmp(word()));
    found.is_ok()
}

/// Returns whether a value says that there is none, as `Debug` and JSON write it.
pub(super) fn is_nothing(value: &[u8]) -> bool {
    matches!(value, b"None" | b"null" | b"nil" | b"undefined")
}

/// Returns whether a value is only a sign or two, as in `unexpected token: }`.
pub(super) fn is_punctuation(value: &[u8]) -> bool {
    value.len() <= 2 && !value.iter().any(|byte| is_letter(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_sorted_as_the_search_expects() {
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn a_word_counts_with_what_ends_a_sentence_or_quotes_it() {
        for text in [
            "expected a digit",
            "Denied",
            "denied)",
            "denied\", x",
            "i/o error",
            "doesn't exist",
            "denied\\\"}",
        ] {
            assert!(is_at(text.as_bytes(), 0), "{text}");
        }
    }

    #[test]
    fn a_word_that_something_follows_is_a_secret() {
        for text in [
            "",
            "expected1",
            "denied_hunter2",
            "not@home",
            "the=x",
            "no.hunter2",
            "no'hunter2",
            "the:hunter2",
            "hunter2",
        ] {
            assert!(!is_at(text.as_bytes(), 0), "{text}");
        }
    }
}
