//! Pairs: the secret after a name, in the many ways in which programs write the two.

use std::ops::Range;

use super::name::Kind;
use super::sign::{Sign, is_word, sign, skip};
use super::value::{self, Ends, Value};
use super::{prose, quote};

/// What stands between a name and its value.
struct Separator {
    byte: u8,
    depth: usize,
    /// The index after it.
    end: usize,
}

/// Returns whether a secret can follow a word that ends at an index, if the word is a name.
///
/// Most words have no separator after them, which is seen sooner than that they are no name.
pub(super) fn may_follow(text: &[u8], end: usize) -> bool {
    match text.get(end) {
        Some(b' ' | b'\t') => {
            let next = skip(text, end, Sign::is_blank);
            sign(text, next).is_some_and(|next| next.is_one_of(b"=:"))
        }
        Some(byte) => b"=:\"'`\\](>%".contains(byte),
        None => false,
    }
}

/// Finds the secret that follows a name; the name ends at `end`.
pub(super) fn secret_after(text: &[u8], end: usize, kind: Kind, ends: &mut Ends) -> Option<Value> {
    let delimited = |range| Value {
        range,
        is_bare: false,
    };
    let value = match sign(text, end)?.byte {
        b'(' => newtype(text, end).map(delimited),
        b'>' => element(text, end).map(delimited),
        _ => pair(text, end, kind, ends),
    };
    value.filter(|value| {
        let secret = &text[value.range.clone()];
        !prose::is_punctuation(secret) && !prose::is_nothing(secret)
    })
}

fn pair(text: &[u8], end: usize, kind: Kind, ends: &mut Ends) -> Option<Value> {
    let separator = separator(text, end)?;
    if kind == Kind::Assigned && separator.byte != b'=' {
        return None;
    }
    let start = skip_space(text, separator.end);
    let is_spaced = start > separator.end;
    if separator.byte == b':' && is_spaced && prose::is_at(text, start) {
        return None;
    }
    Some(value::at(text, start, separator.depth, kind, ends))
}

/// Skips white space, also where it is escaped as in `\n`.
fn skip_space(text: &[u8], mut at: usize) -> usize {
    loop {
        at = skip(text, at, Sign::is_space);
        match value::escaped_space(text, at) {
            Some(end) => at = end,
            None => return at,
        }
    }
}

/// Reads `=`, `:` and their relatives, after the quotes that may close the name.
fn separator(text: &[u8], name: usize) -> Option<Separator> {
    let quotes = |sign: Sign| sign.is_quote() || sign.is_one_of(b"\\]");
    let at = skip(text, skip(text, name, quotes), Sign::is_blank);
    let first = sign(text, at).filter(|first| first.is_one_of(b"=:"))?;
    let second = sign(text, first.end);
    if first.byte == b':' && second.is_some_and(|second| second.byte == b':') {
        // `Token::Comma` is a path.
        let third = text.get(first.end + 1);
        if third.is_some_and(|byte| byte.is_ascii_uppercase() || *byte == b'<') {
            return None;
        }
    }
    // `=>`, `==` and `:=`
    let second = second.filter(|second| match first.byte {
        b'=' => second.is_one_of(b">="),
        _ => second.byte == b'=',
    });
    Some(Separator {
        byte: first.byte,
        depth: first.depth,
        end: second.unwrap_or(first).end,
    })
}

/// Finds the secret in `Secret("…")`, which `Debug` writes for a type of that name.
fn newtype(text: &[u8], end: usize) -> Option<Range<usize>> {
    let word = text[..end].iter().rposition(|byte| !is_word(*byte));
    let name = &text[word.map_or(0, |before| before + 1)..end];
    if !name.first().is_some_and(u8::is_ascii_uppercase) {
        return None;
    }
    let quote = quote::opening(text, end + 1)?;
    Some(quote.start..quote.closing(text).start)
}

/// Finds the secret in `<password>…</password>`.
fn element(text: &[u8], end: usize) -> Option<Range<usize>> {
    let is_part = |byte: &u8| is_word(*byte) || b":.-".contains(byte);
    let before = text[..end].iter().rposition(|byte| !is_part(byte))?;
    if text[before] != b'<' {
        return None;
    }
    let content = end + 1;
    let length = text[content..].iter().position(|byte| *byte == b'<')?;
    let secret = content..content + length;
    // `Vec<Token>` is no element.
    text[secret.end..].starts_with(b"</").then_some(secret)
}
