//! Groups: values in brackets, such as `Some("…")`, `Secret { inner: "…" }` and `[104, 117]`.

use super::quote;
use super::sign::{Sign, is_word, sign, skip};

/// Returns the end of the group that starts at an index: a bracket, or a type and a bracket.
///
/// The end is that of the text if no bracket closes the group.
pub(super) fn end(text: &[u8], start: usize) -> Option<usize> {
    let opening = opening(text, start)?;
    let closing = match opening.byte {
        b'(' => b')',
        b'[' => b']',
        b'{' => b'}',
        _ => return None,
    };
    if opening.byte == b'{' && text[..start].ends_with(b"=") {
        return Some(braced(text, opening));
    }
    let (mut at, mut open) = (opening.end, 1_usize);
    while let Some(read) = sign(text, at) {
        at = match string(text, at, read) {
            Some(end) => end,
            None => read.end,
        };
        if read.depth > opening.depth {
            continue;
        }
        if read.byte == opening.byte {
            open += 1;
        } else if read.byte == closing {
            open -= 1;
            if open == 0 {
                return Some(at);
            }
        }
    }
    Some(text.len())
}

/// Reads the bracket, after the name of a type if there is one.
fn opening(text: &[u8], start: usize) -> Option<Sign> {
    let is_type = text[start..].first().is_some_and(u8::is_ascii_uppercase);
    let mut at = start;
    if is_type {
        let rest = text[start..].iter();
        at += rest
            .take_while(|byte| is_word(**byte) || b":<>&".contains(byte))
            .count();
        // `Secret { inner: … }`
        at += usize::from(text[at..].starts_with(b" {"));
    }
    sign(text, at)
}

/// Returns the end of a string or a character that starts at an index.
fn string(text: &[u8], at: usize, first: Sign) -> Option<usize> {
    match first.byte {
        b'"' => Some(quote::opening(text, at)?.closing(text).end),
        b'\\' => {
            let after = skip(text, at, |sign| sign.byte == b'\\');
            let is_quote = sign(text, after).is_some_and(|sign| sign.byte == b'"');
            let quote = quote::opening(text, at).filter(|_| is_quote);
            Some(quote.map_or(after, |quote| quote.closing(text).end))
        }
        // An apostrophe starts none: `'x'`, `'\''` and `'\"'` do.
        b'\'' => {
            let character = skip(text, at + 1, |sign| sign.byte == b'\\');
            let after = sign(text, character)?.end;
            (text.get(after) == Some(&b'\'')).then_some(after + 1)
        }
        _ => None,
    }
}

/// Returns the end of a value as ODBC quotes it: `{a;b}`, where `}}` stands for a brace.
fn braced(text: &[u8], opening: Sign) -> usize {
    let mut at = opening.end;
    while let Some(read) = sign(text, at) {
        at = read.end;
        if read.byte == b'}' && read.depth <= opening.depth {
            match sign(text, at) {
                Some(next) if next.byte == b'}' => at = next.end,
                _ => return at,
            }
        }
    }
    at
}
