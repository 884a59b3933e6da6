//! Addresses without a scheme: `user:password@tcp(host)` and Oracle's `user/password@host`.

use std::ops::Range;

use super::quote;
use super::sign::{Sign, is_letter, is_word, sign, skip};

/// The programs of Oracle that take `user/password@host`.
const TOOLS: [&str; 7] = [
    "sqlplus", "sqlldr", "sqlcl", "rman", "expdp", "impdp", "userid",
];

/// The word that is being read, and what it has contained so far.
#[derive(Default)]
pub(super) struct Word {
    start: usize,
    colon: Option<usize>,
    slash: Option<usize>,
    slashes: usize,
    is_url: bool,
    /// Whether one of Oracle's programs stands before it on its line.
    is_argument: bool,
}

impl Word {
    /// Starts a new word at an index.
    pub(super) fn restart(&mut self, start: usize) {
        *self = Self {
            start,
            is_argument: self.is_argument,
            ..Self::default()
        };
    }

    /// Notes that the word contains a URL, which is read by other rules.
    pub(super) fn has_url(&mut self) {
        self.is_url = true;
    }

    /// Notes that a word of letters was read.
    pub(super) fn letters(&mut self, letters: &[u8]) {
        self.is_argument |= TOOLS
            .iter()
            .any(|tool| letters.eq_ignore_ascii_case(tool.as_bytes()));
    }

    /// Notes a sign at an index.
    pub(super) fn sign(&mut self, text: &[u8], at: usize, read: Sign) {
        let is_first = self.colon.is_none() && self.slash.is_none();
        match read.byte {
            b'\n' => {
                *self = Self {
                    start: read.end,
                    ..Self::default()
                }
            }
            b':' => self.colon = self.colon.or(Some(at)),
            b'/' => {
                self.slash = self.slash.or(Some(at));
                self.slashes += 1;
            }
            b'=' | b'(' | b'[' | b'{' | b',' | b';' | b'|' | b'<' if is_first => {
                self.restart(read.end);
            }
            _ if read.is_space() => self.restart(read.end),
            b'"' | b'\'' | b'`' if is_first || quote::ends_value(text, read) => {
                self.restart(read.end);
            }
            _ => {}
        }
    }

    /// Finds the user information that ends at an `@`.
    pub(super) fn user_info(&self, text: &[u8], at: usize, end: usize) -> Option<Range<usize>> {
        if self.is_url {
            return None;
        }
        let host = Host::read(text, end);
        let start = match (self.colon, self.slash) {
            _ if text[self.start..at].starts_with(b"jdbc:oracle:") => self.after_driver(text)?,
            (Some(_), _) if host == Host::Protocol => self.start,
            (Some(_), None) if host == Host::Port => self.start,
            (None, Some(slash)) if self.slashes == 1 && self.is_oracle(text, slash, host) => {
                self.start
            }
            _ => return None,
        };
        Some(start..at)
    }

    /// Returns whether the word is Oracle's `user/password@host`, rather than `path/file@version`.
    fn is_oracle(&self, text: &[u8], slash: usize, host: Host) -> bool {
        let user = &text[self.start..slash];
        !user.is_empty()
            && user
                .iter()
                .all(|byte| is_word(*byte) || b"$#".contains(byte))
            && (self.is_argument || matches!(host, Host::Port | Host::Name | Host::Descriptor))
    }

    /// Returns the index after `jdbc:oracle:thin:`.
    fn after_driver(&self, text: &[u8]) -> Option<usize> {
        let driver = self.start + b"jdbc:oracle:".len();
        let colon = text[driver..]
            .iter()
            .take(8)
            .position(|byte| *byte == b':')?;
        Some(driver + colon + 1)
    }
}

/// What follows the `@`.
#[derive(Clone, Copy, PartialEq)]
enum Host {
    /// `tcp(`
    Protocol,
    /// `db:1521`
    Port,
    /// `ORCL`: neither a domain nor a version.
    Name,
    /// `//` or `(`
    Descriptor,
    Other,
}

impl Host {
    fn read(text: &[u8], start: usize) -> Self {
        let end = skip(text, start, |sign| {
            is_letter(sign.byte) || sign.is_one_of(b"_-.")
        });
        let next = sign(text, end);
        let is_next = |bytes: &[u8]| next.is_some_and(|next| next.is_one_of(bytes));
        match &text[start..end] {
            [] if is_next(b"(") || text[start..].starts_with(b"//") => Self::Descriptor,
            [] => Self::Other,
            _ if is_next(b"(") => Self::Protocol,
            _ if is_next(b":") && is_port(&text[end + 1..]) => Self::Port,
            _ if is_next(b":@/") => Self::Other,
            [b'v' | b'V', digit, ..] if digit.is_ascii_digit() => Self::Other,
            host if host.contains(&b'.') || host[0].is_ascii_digit() => Self::Other,
            _ => Self::Name,
        }
    }
}

fn is_port(text: &[u8]) -> bool {
    let digits = text.iter().take(6);
    let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
    (2..=5).contains(&digits) && text.get(digits).is_none_or(|byte| !is_letter(*byte))
}
