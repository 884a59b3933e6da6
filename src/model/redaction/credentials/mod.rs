//! Finds credentials in a text and masks them.
//!
//! One pass from left to right: [`Scan`] reads sign by sign and leaves the rest to a file for each
//! kind of text that carries credentials. Each reads ahead at most to the end of what it masks, or
//! to the next place of its kind, or remembers what it found there, so that the time is linear in
//! the length of the text.

use std::ops::Range;

use self::address::Word;
use self::sign::{Sign, is_word, sign};
use self::url::Urls;
use self::value::Ends;

mod address;
mod group;
mod header;
mod name;
mod pair;
mod pem;
mod prose;
mod quote;
mod sign;
#[cfg(test)]
mod tests;
mod url;
mod value;

const MASK: &str = "***";

pub(super) fn redact(text: &str) -> String {
    let mut scan = Scan {
        text,
        masked: String::with_capacity(text.len()),
        done: 0,
        word: Word::default(),
        urls: Urls::default(),
        ends: Ends::default(),
    };
    let mut at = 0;
    while let Some(read) = sign(text.as_bytes(), at) {
        at = scan.step(at, read);
    }
    scan.masked + &text[scan.done..]
}

struct Scan<'t> {
    text: &'t str,
    /// The text up to `done`, with its secrets masked.
    masked: String,
    done: usize,
    word: Word,
    urls: Urls,
    ends: Ends,
}

impl Scan<'_> {
    /// Reads one sign, or a word and the secret that it names; returns the index after it.
    fn step(&mut self, at: usize, read: Sign) -> usize {
        let bytes = self.text.as_bytes();
        if read.depth == 0 && is_word(read.byte) {
            return self.letters(at);
        }
        let secret = match read.byte {
            b':' => self.url(at, read),
            b'@' => self.word.user_info(bytes, at, read.end),
            b'-' => pem::private_key(self.text, at),
            _ => None,
        };
        self.word.sign(bytes, at, read);
        match secret {
            Some(secret) => {
                // User information ends before the sign, or after it.
                let next = secret.end.max(read.end);
                self.mask(secret);
                next
            }
            None => read.end,
        }
    }

    fn letters(&mut self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let rest = bytes[at..].iter();
        let end = at + rest.take_while(|byte| is_word(**byte)).count();
        let letters = &bytes[at..end];
        self.word.letters(letters);
        let kind = pair::may_follow(bytes, end).then(|| name::at_end_of(&bytes[..end]));
        let value = match kind.flatten() {
            Some(kind) => pair::secret_after(bytes, end, kind, &mut self.ends),
            None => header::after_scheme(bytes, letters, end),
        };
        let Some(value) = value else {
            return end;
        };
        let next = match value.is_bare {
            true => value.range.start,
            false => value.range.end,
        };
        self.word.restart(next);
        self.mask(value.range);
        next
    }

    fn url(&mut self, colon: usize, read: Sign) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = url::start(bytes, read)?;
        self.word.has_url();
        let at = self.urls.user_info(bytes, colon, start, read.depth)?;
        Some(start..at)
    }

    /// Masks a part of the text, or what of it is not masked yet.
    fn mask(&mut self, secret: Range<usize>) {
        let start = secret.start.max(self.done);
        if secret.end > start {
            // Two secrets that touch share one mask.
            if start > self.done || !self.masked.ends_with(MASK) {
                self.masked.push_str(&self.text[self.done..start]);
                self.masked.push_str(MASK);
            }
            self.done = secret.end;
        }
    }
}
