//! PEM: keys between `-----BEGIN … PRIVATE KEY-----` and `-----END`.

use std::ops::Range;

const BEGIN: &[u8] = b"-----BEGIN";
const END: &str = "-----END";
const DASHES: &[u8] = b"-----";

/// The longest label that is looked for, as in `RSA PRIVATE KEY`.
const LABEL: usize = 64;

/// Finds the content of a private key whose block starts at an index.
///
/// A block without an end reaches to the end of the text.
pub(super) fn private_key(text: &str, start: usize) -> Option<Range<usize>> {
    let label = label(text.as_bytes(), start)?;
    let is_secret = text.as_bytes()[label.clone()]
        .windows(7)
        .any(|part| part == b"PRIVATE");
    let content = label.end + DASHES.len();
    // A message that names the line, and quotes it, has no content.
    let follows = text.as_bytes().get(content);
    let is_named = follows.is_none_or(|byte| b"\"'`,.;:)]".contains(byte));
    if !is_secret || is_named {
        return None;
    }
    let end = text[content..].find(END);
    Some(content..end.map_or(text.len(), |end| content + end))
}

/// Returns the end of a block of any label that is the value of a secret.
pub(super) fn end_of_value(text: &[u8], start: usize) -> Option<usize> {
    let content = label(text, start)?.end + DASHES.len();
    let end = position(&text[content..], END.as_bytes());
    let Some(end) = end.map(|end| content + end + END.len()) else {
        return Some(text.len());
    };
    let tail = &text[end..];
    let dashes = position(&tail[..tail.len().min(LABEL)], DASHES);
    Some(dashes.map_or(end, |dashes| end + dashes + DASHES.len()))
}

/// Returns where the label of a block is that starts at an index.
fn label(text: &[u8], start: usize) -> Option<Range<usize>> {
    let label = text[start..].strip_prefix(BEGIN)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b" +%_".contains(byte);
    let length = label
        .iter()
        .take(LABEL)
        .take_while(|byte| is_part(byte))
        .count();
    let at = start + BEGIN.len();
    label[length..]
        .starts_with(DASHES)
        .then_some(at..at + length)
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
