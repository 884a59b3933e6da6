//! URLs: the user information before the `@`, whatever its password contains.

use super::quote;
use super::sign::{DEEPEST, Sign, sign};
use super::value::is_key;

/// Schemes whose paths often contain an `@`: a number after the colon is a port.
///
/// With any other scheme, such as that of a database, the number may be the start of a password
/// that contains a slash.
const WEB: [&str; 9] = [
    "http", "https", "ws", "wss", "ftp", "file", "docker", "oci", "grpc",
];

/// Finds the ends of user information, in the order of the URLs in the text.
///
/// It remembers the last word that was searched, at each depth. A long word may contain many URLs:
/// searching all of it for each would take quadratic time.
#[derive(Default)]
pub(super) struct Urls {
    words: [Word; DEEPEST + 1],
}

#[derive(Clone, Copy, Default)]
struct Word {
    end: usize,
    last_at: Option<usize>,
}

/// The part of a URL between its scheme and its path.
struct Authority {
    end: usize,
    /// Whether it has a colon, outside the brackets of an IPv6 address.
    port: Option<Port>,
    last_at: Option<usize>,
    ends_at: Delimiter,
}

/// What ends an authority.
#[derive(Clone, Copy, PartialEq)]
enum Delimiter {
    /// A path, a query, or nothing.
    Path,
    /// `;user=app`, after the host.
    Properties,
    /// `://`: the text goes on with another URL, as in `amqp://a:b@one,amqp://a:b@two`.
    Url,
}

#[derive(Clone, Copy, PartialEq)]
enum Port {
    Empty,
    Number,
    /// No port: the start of a password that contains a delimiter of URLs.
    Text,
}

/// Returns the index after `//`, if it follows a colon.
pub(super) fn start(text: &[u8], colon: Sign) -> Option<usize> {
    let slash = |at| sign(text, at).filter(|sign| sign.byte == b'/' && sign.depth == colon.depth);
    Some(slash(slash(colon.end)?.end)?.end)
}

impl Urls {
    /// Returns the index of the `@` after the user information of a URL, if it has one.
    ///
    /// `colon` is the index of the colon after the scheme, `start` that after the slashes.
    pub(super) fn user_info(
        &mut self,
        text: &[u8],
        colon: usize,
        start: usize,
        depth: usize,
    ) -> Option<usize> {
        let authority = Authority::read(text, start, depth);
        let in_path = || last_at_in_path(text, authority.end, depth);
        match (authority.last_at, authority.port) {
            (None, _) if authority.ends_at == Delimiter::Properties => None,
            (Some(at), _) if authority.ends_at == Delimiter::Url => Some(at),
            (Some(at), Some(_)) if !is_web(&text[..colon]) => in_path().or(Some(at)),
            (Some(at), _) => Some(at),
            (None, Some(Port::Text)) => self.last_at_in_word(text, start, depth),
            (None, Some(Port::Empty)) => in_path(),
            (None, Some(Port::Number)) if !is_web(&text[..colon]) => in_path(),
            (None, _) => None,
        }
    }

    /// Returns the index of the last `@` from `start` to the end of the word.
    ///
    /// `start` must not decrease from call to call.
    fn last_at_in_word(&mut self, text: &[u8], start: usize, depth: usize) -> Option<usize> {
        let word = &mut self.words[depth];
        if start > word.end {
            *word = Word {
                end: start,
                last_at: None,
            };
            while let Some(read) =
                sign(text, word.end).filter(|read| !ends_word(text, *read, depth))
            {
                if read.byte == b'@' && read.depth == depth {
                    word.last_at = Some(word.end);
                }
                word.end = read.end;
            }
        }
        word.last_at.filter(|at| *at >= start)
    }
}

impl Authority {
    fn read(text: &[u8], first: usize, depth: usize) -> Self {
        let mut authority = Self {
            end: first,
            port: None,
            last_at: None,
            ends_at: Delimiter::Path,
        };
        let mut in_brackets = false;
        while let Some(read) = sign(text, authority.end) {
            let is_delimiter = read.depth <= depth && read.is_one_of(b"/?#");
            if is_delimiter || ends_word(text, read, depth) {
                break;
            }
            if authority.is_host(text, read) {
                authority.ends_at = Delimiter::Properties;
                break;
            }
            if read.byte == b':' && start(text, read).is_some() {
                authority.ends_at = Delimiter::Url;
            }
            match read.byte {
                b'[' => in_brackets = text[authority.end..].iter().take(64).any(|b| *b == b']'),
                b']' => in_brackets = false,
                b'@' if read.depth == depth => authority.last_at = Some(authority.end),
                b':' if read.depth == depth && !in_brackets => authority.port = Some(Port::Empty),
                byte => authority.port = authority.port.map(|port| port.and(byte)),
            }
            authority.end = read.end;
        }
        authority
    }

    /// Returns whether the authority ends at a sign because properties follow, as in
    /// `sqlserver://host:1433;user=app`.
    fn is_host(&self, text: &[u8], read: Sign) -> bool {
        read.byte == b';'
            && self.last_at.is_none()
            && self.port != Some(Port::Text)
            && is_key(text, read.end, b';')
    }
}

impl Port {
    fn and(self, byte: u8) -> Self {
        match self {
            Self::Empty | Self::Number if byte.is_ascii_digit() => Self::Number,
            _ => Self::Text,
        }
    }
}

/// Returns the last `@` of a path: before the next URL and before a query such as `?user=a@b`.
fn last_at_in_path(text: &[u8], mut at: usize, depth: usize) -> Option<usize> {
    let mut last = None;
    while let Some(read) = sign(text, at).filter(|read| !ends_word(text, *read, depth)) {
        let is_query = read.byte == b'?' && is_key(text, read.end, b'?');
        if is_query || read.byte == b':' && start(text, read).is_some() {
            break;
        }
        if read.byte == b'@' && read.depth == depth {
            last = Some(at);
        }
        at = read.end;
    }
    last
}

/// Returns whether a sign ends the word in which a URL stands.
fn ends_word(text: &[u8], read: Sign, depth: usize) -> bool {
    // An encoded URL is a value in a text that is not encoded.
    let is_around = read.depth < depth && read.is_one_of(b"&;,/?#=");
    let ends = read.is_space() || read.is_one_of(b"<>");
    let is_quoted = read.is_quote() && quote::ends_value(text, read);
    read.depth <= depth && (is_around || ends || is_quoted)
}

/// Returns whether the scheme at the end of a text is that of the web, as in `git+https`.
fn is_web(text: &[u8]) -> bool {
    let longest = text.iter().rev().take(8);
    let length = longest
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let scheme = &text[text.len() - length..];
    WEB.iter()
        .any(|web| scheme.eq_ignore_ascii_case(web.as_bytes()))
}
