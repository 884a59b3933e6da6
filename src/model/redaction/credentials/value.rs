//! Values: where a secret starts and ends after its name and separator.

use std::ops::Range;

use super::name::Kind;
use super::quote::{self, Quote};
use super::sign::{DEEPEST, Sign, is_word, sign, skip};
use super::{group, header, pem};

/// A value that is to be masked.
pub(super) struct Value {
    pub(super) range: Range<usize>,
    /// Whether something in it, such as a further name with a quoted value, can reach beyond it.
    pub(super) is_bare: bool,
}

/// Remembers where the latest values without quotes end.
///
/// In `token=token=token=…` each value contains the next one, and all have one end. Searching it
/// for each would take quadratic time.
#[derive(Default)]
pub(super) struct Ends([[usize; DEEPEST + 1]; 3]);

/// Finds the value that starts at an index, after the space that may precede it.
///
/// `depth` is that of the separator before it.
pub(super) fn at(text: &[u8], start: usize, depth: usize, kind: Kind, ends: &mut Ends) -> Value {
    if let Some(range) = delimited(text, start) {
        return Value {
            range,
            is_bare: false,
        };
    }
    let row = match kind {
        Kind::Secret | Kind::Assigned => 0,
        Kind::Cookie => 1,
        Kind::Authorization => 2,
    };
    let end = &mut ends.0[row][depth];
    if start >= *end {
        *end = match kind {
            Kind::Secret | Kind::Assigned => bare(text, start, depth),
            Kind::Cookie => unquoted(text, start, depth, Semicolon::Joins),
            Kind::Authorization => header::authorization(text, start, depth),
        };
    }
    Value {
        range: start..*end,
        is_bare: true,
    }
}

/// Finds a value that says itself where it ends.
fn delimited(text: &[u8], start: usize) -> Option<Range<usize>> {
    if let Some(quote) = quote::opening(text, start) {
        let mut closing = quote.closing(text);
        // Where a name and a quoted value follow, the quote is that of the name: this one was never
        // closed.
        while is_before_value(text, closing.end) {
            closing = quote.from(closing.end).closing(text);
        }
        return Some(quote.start..closing.start);
    }
    let end = group::end(text, start).or_else(|| pem::end_of_value(text, start));
    end.map(|end| start..end).or_else(|| block(text, start))
}

/// Returns whether a separator and a quoted value stand at an index.
fn is_before_value(text: &[u8], at: usize) -> bool {
    let at = skip(text, at, Sign::is_space);
    let Some(separator) = sign(text, at).filter(|sign| sign.is_one_of(b":=")) else {
        return false;
    };
    let value = skip(text, separator.end, Sign::is_space);
    quote::opening(text, value).is_some()
}

/// Returns the end of a value without quotes.
///
/// It ends at white space, and at a separator of pairs if a pair, or nothing, follows. A bracket or
/// separator at the end belongs to the text around it.
pub(super) fn bare(text: &[u8], start: usize, depth: usize) -> usize {
    unquoted(text, start, depth, Semicolon::Ends)
}

/// What a semicolon and a space mean in a value.
#[derive(Clone, Copy, PartialEq)]
enum Semicolon {
    Ends,
    /// Another cookie follows.
    Joins,
}

fn unquoted(text: &[u8], mut at: usize, depth: usize, semicolon: Semicolon) -> usize {
    let mut end = at;
    while let Some(read) = sign(text, at) {
        at = read.end;
        if read.depth > depth {
            end = at;
            continue;
        }
        match read.byte {
            _ if read.is_space() => break,
            b'"' | b'\'' | b'`' if quote::ends_value(text, read) => break,
            b';' if semicolon == Semicolon::Joins => {
                at = skip(text, at, Sign::is_blank);
            }
            b'&' | b';' | b',' if separates(text, read) => break,
            b'\\' => {
                if let Some(escaped) = sign(text, at).filter(|next| is_escapable(*next)) {
                    (at, end) = (escaped.end, escaped.end);
                }
            }
            b')' | b']' | b'}' | b'>' | b',' => {}
            _ => end = at,
        }
    }
    end
}

/// Returns whether a backslash may stand before a sign to make it a part of a value.
fn is_escapable(sign: Sign) -> bool {
    sign.is_blank() || sign.is_one_of(b"&;,")
}

/// Returns whether a value ends at a separator: before another pair, and before nothing.
fn separates(text: &[u8], separator: Sign) -> bool {
    let next = skip(text, separator.end, |next| next.byte == b'\\');
    let Some(next) = sign(text, next) else {
        return true;
    };
    next.is_space()
        || next.is_quote()
        || next.is_one_of(b")]}")
        || is_key(text, separator.end, separator.byte)
}

/// Returns whether a name and an `=` stand at an index.
///
/// Only after a semicolon, and with a capital, a name may have spaces: `;Initial Catalog=main`.
pub(super) fn is_key(text: &[u8], start: usize, separator: u8) -> bool {
    let may_have_spaces = separator == b';' && text.get(start).is_some_and(u8::is_ascii_uppercase);
    let end = skip(text, start, |sign| {
        is_word(sign.byte) || sign.is_one_of(b".-") || may_have_spaces && sign.byte == b' '
    });
    end > start && sign(text, end).is_some_and(|sign| sign.byte == b'=')
}

/// Finds a block of YAML: `|` or `>`, and the lines after it that are indented as the first is.
fn block(text: &[u8], start: usize) -> Option<Range<usize>> {
    if !matches!(text.get(start), Some(b'|' | b'>')) {
        return None;
    }
    let head = skip(text, start + 1, |sign| sign.is_one_of(b"+-0123456789 \r"));
    if let Some(end) = escaped_space(text, head) {
        // The block ends at the latest with the text that escapes its lines.
        let backslashes = end - head - 1;
        return Some(start..Quote::around(head, backslashes - 1).closing(text).start);
    }
    if text.get(head) != Some(&b'\n') {
        return None;
    }
    let content = skip(text, head, Sign::is_space);
    let line = text[..content].iter().rposition(|byte| *byte == b'\n')? + 1;
    let indentation = &text[line..content];
    let mut end = content;
    for line in text[content..].split_inclusive(|byte| *byte == b'\n') {
        let is_first = end == content;
        let is_empty = line.iter().all(u8::is_ascii_whitespace);
        if !is_first && !is_empty && (indentation.is_empty() || !line.starts_with(indentation)) {
            break;
        }
        end += line.len();
    }
    let trimmed = text[content..end].trim_ascii_end().len();
    Some(content..content + trimmed)
}

/// Returns the end of white space that is written as `\n`, or `\\n` a level deeper.
pub(super) fn escaped_space(text: &[u8], start: usize) -> Option<usize> {
    let letter = skip(text, start, |sign| sign.byte == b'\\');
    let is_space = letter > start && matches!(text.get(letter), Some(b'n' | b'r' | b't'));
    is_space.then_some(letter + 1)
}
