//! Signs: the characters of a text as the grammar reads them, written plainly or encoded.

/// How deep an encoding may be nested and still be read: `%25253D` is `=`, encoded three times.
pub(super) const DEEPEST: usize = 3;

/// One character, whether it is written as `=`, `%3D`, `%253D` or `\u003d`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sign {
    /// The ASCII character, or one byte of any other character.
    pub(super) byte: u8,
    /// The index after it.
    pub(super) end: usize,
    /// How often it is encoded, 0 for a plain one.
    ///
    /// A sign that is encoded more often than the start of a value belongs to the value: it cannot
    /// be what ends it.
    pub(super) depth: usize,
}

impl Sign {
    pub(super) fn is_space(self) -> bool {
        self.byte.is_ascii_whitespace() || self.byte == 0x0b
    }

    pub(super) fn is_blank(self) -> bool {
        matches!(self.byte, b' ' | b'\t')
    }

    pub(super) fn is_quote(self) -> bool {
        matches!(self.byte, b'"' | b'\'' | b'`')
    }

    pub(super) fn is_one_of(self, bytes: &[u8]) -> bool {
        bytes.contains(&self.byte)
    }
}

/// Reads the sign at an index; `None` at the end of the text. Takes constant time.
pub(super) fn sign(text: &[u8], at: usize) -> Option<Sign> {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
    let byte = *text.get(at)?;
    let plain = Sign {
        byte,
        end: at + 1,
        depth: 0,
    };
    Some(match byte {
        b'%' => percent(text, at).unwrap_or(plain),
        b'\\' => unicode(text, at).unwrap_or(plain),
        _ => plain,
    })
}

/// Reads `%3D`, or `%253D`, where the percent sign is encoded itself.
fn percent(text: &[u8], at: usize) -> Option<Sign> {
    let (mut digits, mut depth) = (at + 1, 1);
    while depth < DEEPEST && text.get(digits..digits + 2) == Some(b"25") {
        (digits, depth) = (digits + 2, depth + 1);
    }
    punctuation(text, digits, depth)
}

/// Reads `\u003d`, or `\\u003d`, where the backslash is escaped itself.
fn unicode(text: &[u8], at: usize) -> Option<Sign> {
    let slashes = text[at..].iter().take(DEEPEST);
    let depth = slashes.take_while(|byte| **byte == b'\\').count();
    let zeros = at + depth;
    if text.get(zeros..zeros + 3) != Some(b"u00") {
        return None;
    }
    punctuation(text, zeros + 3, depth)
}

/// Reads two hexadecimal digits. Letters are no signs of the grammar: what they spell is content.
fn punctuation(text: &[u8], digits: usize, depth: usize) -> Option<Sign> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let byte = u8::try_from(digit(digits)? * 16 + digit(digits + 1)?).ok()?;
    (byte.is_ascii() && !byte.is_ascii_alphanumeric()).then_some(Sign {
        byte,
        end: digits + 2,
        depth,
    })
}

/// Returns the index of the first sign from `at` that is not skipped.
pub(super) fn skip(text: &[u8], mut at: usize, skipped: impl Fn(Sign) -> bool) -> usize {
    while let Some(sign) = sign(text, at).filter(|sign| skipped(*sign)) {
        at = sign.end;
    }
    at
}

/// Returns whether a byte belongs to a word: a letter, a digit or an underscore.
pub(super) fn is_word(byte: u8) -> bool {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns whether a byte is a letter or a digit of any script.
pub(super) fn is_letter(byte: u8) -> bool {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

#[cfg(test)]
thread_local! {
    /// How many signs and bytes were read on this thread.
    pub(super) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_read_at_the_depth_at_which_it_is_encoded() {
        for (text, byte, depth) in [
            ("=", b'=', 0),
            ("%3D", b'=', 1),
            ("%3a", b':', 1),
            ("%253D", b'=', 2),
            ("%25253D", b'=', 3),
            (r"\u0022", b'"', 1),
            (r"\\u0022", b'"', 2),
            (r"\\\u0022", b'"', 3),
        ] {
            let end = text.len();
            assert_eq!(sign(text.as_bytes(), 0), Some(Sign { byte, end, depth }));
        }
    }

    #[test]
    fn what_encodes_no_punctuation_stands_for_itself() {
        for text in [
            "%",
            "%3",
            "%zz",
            "%41",
            "%ff",
            "\\",
            r"\n",
            r"\u0041",
            r"\u2028",
            r"\\\\u0022",
        ] {
            let read = sign(text.as_bytes(), 0).unwrap();
            assert_eq!((read.byte, read.depth), (text.as_bytes()[0], 0), "{text}");
        }
        assert_eq!(sign(b"", 0), None);
    }
}
