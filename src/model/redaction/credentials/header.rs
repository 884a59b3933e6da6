//! HTTP headers: the schemes and credentials of `Authorization`.

use super::quote;
use super::sign::{Sign, is_letter, sign, skip};
use super::value::{Value, bare, is_key};

/// Returns the end of the credentials of a header, with the scheme, whatever its name is.
///
/// These are one word, as in `Token hunter2`, or parameters, as in `Digest username="app",
/// response="…"`.
pub(super) fn authorization(text: &[u8], start: usize, depth: usize) -> usize {
    let scheme = bare(text, start, depth);
    let credentials = skip(text, scheme, Sign::is_blank);
    if credentials == scheme || !is_scheme(&text[start..scheme]) {
        return scheme;
    }
    let mut end = parameter(text, credentials, depth);
    loop {
        let comma = skip(text, end, Sign::is_blank);
        let Some(comma) = sign(text, comma).filter(|comma| comma.byte == b',') else {
            return end;
        };
        let next = skip(text, comma.end, Sign::is_space);
        if !is_key(text, next, b',') {
            return end;
        }
        end = parameter(text, next, depth);
    }
}

/// Returns whether a word can be the name of a scheme.
fn is_scheme(word: &[u8]) -> bool {
    let name = word.strip_suffix(b":").unwrap_or(word);
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    !name.is_empty() && name.iter().all(is_allowed)
}

/// Returns the end of `token`, `name=value` or `name="value"`.
fn parameter(text: &[u8], start: usize, depth: usize) -> usize {
    let name = skip(text, start, |sign| {
        is_letter(sign.byte) || sign.is_one_of(b"_-")
    });
    let equals = sign(text, name).filter(|equals| equals.byte == b'=');
    match equals.and_then(|equals| quote::opening(text, equals.end)) {
        Some(quote) => quote.closing(text).end,
        None => bare(text, start, depth),
    }
}

/// Finds the credentials after a scheme that stands by itself, as in `sent Bearer hunter2`.
///
/// The words after such a scheme are often about it, as in `Bearer authentication`: only what has a
/// digit, or is padded, counts.
pub(super) fn after_scheme(text: &[u8], scheme: &[u8], end: usize) -> Option<Value> {
    let shortest = match scheme {
        b"Bearer" | b"bearer" | b"BEARER" => 6,
        b"Basic" => 8,
        _ => return None,
    };
    let space = sign(text, end).filter(|space| space.is_blank())?;
    let start = skip(text, end, Sign::is_blank);
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let rest = text[start..].iter();
    let length = rest.take_while(|byte| is_allowed(byte)).count();
    let credentials = &text[start..start + length];
    let padding = text[start + length..].iter();
    let padding = padding.take_while(|byte| **byte == b'=').count();
    // `realm=app1` is a parameter.
    let is_name = padding > 0
        && text
            .get(start + length + padding)
            .is_some_and(|b| is_letter(*b));
    let has_digit = credentials.iter().any(u8::is_ascii_digit);
    let looks_secret = length >= shortest && (has_digit || padding > 0) && !is_name;
    looks_secret.then(|| Value {
        range: start..bare(text, start, space.depth).max(start + length),
        is_bare: false,
    })
}
