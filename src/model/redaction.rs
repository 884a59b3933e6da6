//! Prepares texts for reports and logs: bounds, redacts and cuts them, and escapes lines.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::{CatchDrop, Limits, catch_panic};

/// The length in bytes to which a text is cut before redaction, to bound the work of a hook.
const BOUND: usize = 64 * 1024;

const MASK: &str = "***";

/// Calls the redaction hook within its bounds.
#[derive(Clone)]
pub(crate) struct Redactor {
    hook: Arc<dyn Fn(&str) -> String + Send + Sync>,
    /// The length in bytes to which a text is cut after redaction.
    kept: usize,
}

impl Redactor {
    pub(crate) fn new(hook: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let hook = CatchDrop::new(hook);
        Self {
            hook: Arc::new(move |text: &str| (*hook)(text)),
            kept: Limits::default().text_bytes,
        }
    }

    /// Cuts texts to this length in bytes.
    pub(crate) fn keeping(self, bytes: usize) -> Self {
        Self {
            kept: bytes,
            ..self
        }
    }

    /// Bounds a text, passes it through the hook, and cuts the result.
    ///
    /// If the hook panics, the text is withheld. So is the message of the panic, which may quote a
    /// secret.
    pub(crate) fn prepare(&self, mut text: String) -> String {
        cut(&mut text, BOUND);
        let mut redacted = catch_panic(|| (self.hook)(&text))
            .unwrap_or_else(|| "withheld: the redaction hook panicked".to_owned());
        cut(&mut redacted, self.kept);
        redacted
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new(redact_credentials)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// Cuts a text that this crate joined from prepared texts.
pub(crate) fn shorten(mut text: String, bytes: usize) -> String {
    cut(&mut text, bytes);
    text
}

fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        // Index 0 is always a boundary.
        let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        // Otherwise a text of 4 KiB would hold the 64 KiB that it was cut from.
        text.shrink_to_fit();
    }
}

/// Masks credentials in URLs (`scheme://user:password@host`) and in pairs such as `password=…`.
///
/// The names of pairs are `password`, `pwd`, `secret`, `token`, `api_key`, `authorization` and
/// similar ones.
///
/// This is the default redaction hook. It recognises common patterns, but not every secret:
/// [`HealthBuilder::redact`] sets a hook that knows yours and can call this function first.
///
/// ```
/// use tower_health::redact_credentials;
///
/// let text = "cannot reach postgres://app:hunter2@db:5432/main?password=hunter2";
/// assert_eq!(
///     redact_credentials(text),
///     "cannot reach postgres://***@db:5432/main?password=***",
/// );
/// ```
///
/// [`HealthBuilder::redact`]: crate::HealthBuilder::redact
pub fn redact_credentials(text: &str) -> String {
    redact_pairs(&redact_urls(text))
}

fn redact_urls(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let (mut done, mut word) = (0, Word::default());
    while let Some(at) = text[done..].find("://") {
        let url = done + at + 3;
        redacted.push_str(&text[done..url]);
        done = url;
        if let Some(host) = userinfo_end(text, url, &mut word) {
            redacted.push_str(MASK);
            done = host;
        }
    }
    redacted.push_str(&text[done..]);
    redacted
}

/// Returns the index of the `@` after the user information of a URL whose scheme ends at `start`.
fn userinfo_end(text: &str, start: usize, word: &mut Word) -> Option<usize> {
    let url = &text[start..];
    let end = url.find(['/', '?', '#', ' ', '\t', '\n', '"', '\'', '<', '>']);
    let authority = &url[..end.unwrap_or(url.len())];
    if let Some(at) = authority.rfind('@') {
        return Some(start + at);
    }
    // The part after the colon should be a port. Otherwise it is the start of a password that
    // contains an unescaped delimiter.
    let (_, port) = authority.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port || authority.starts_with('[') {
        return None;
    }
    word.last_at(text, start)
}

/// Remembers the last word that was searched.
///
/// A long word may contain many URLs. Searching all of it for each would take quadratic time.
#[derive(Default)]
struct Word {
    end: usize,
    last_at: Option<usize>,
}

impl Word {
    /// Returns the index of the last `@` from `start` to the end of the word.
    ///
    /// `start` must not decrease from call to call.
    fn last_at(&mut self, text: &str, start: usize) -> Option<usize> {
        if start > self.end {
            let rest = &text[start..];
            let end = rest.find([' ', '\t', '\n', '"', '\'', '<', '>']);
            let word = &rest[..end.unwrap_or(rest.len())];
            self.end = start + word.len();
            self.last_at = word.rfind('@').map(|at| start + at);
        }
        self.last_at.filter(|at| *at >= start)
    }
}

fn redact_pairs(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (name, value) = (&rest[..at], &rest[at + 1..]);
        redacted.push_str(&rest[..=at]);
        rest = value;
        if !names_a_secret(name) {
            continue;
        }
        let start = value.len() - value.trim_start_matches([' ', '"', '\'']).len();
        let (lead, secret) = value.split_at(start);
        let length = secret_length(secret, lead.chars().next_back());
        if length > 0 {
            redacted.push_str(lead);
            redacted.push_str(MASK);
            rest = &secret[length..];
        }
    }
    redacted.push_str(rest);
    redacted
}

fn names_a_secret(name: &str) -> bool {
    const SECRETS: [&str; 13] = [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "accesskey",
        "access_key",
        "private_key",
        "authorization",
    ];
    let name = name.trim_end_matches([' ', '"', '\'']).as_bytes();
    SECRETS.iter().any(|secret| {
        let start = name.len().checked_sub(secret.len());
        start.is_some_and(|start| name[start..].eq_ignore_ascii_case(secret.as_bytes()))
    })
}

/// Returns the length of a secret: a quoted one ends at its quote, any other at white space or at a
/// separator of pairs.
fn secret_length(secret: &str, lead: Option<char>) -> usize {
    if let Some(quote @ ('"' | '\'')) = lead {
        return secret.find(quote).unwrap_or(secret.len());
    }
    let word = |text: &str| {
        text.find(|c: char| c.is_whitespace() || "&;,)\"'".contains(c))
            .unwrap_or(text.len())
    };
    let first = word(secret);
    let is_scheme = ["bearer", "basic"]
        .iter()
        .any(|scheme| secret[..first].eq_ignore_ascii_case(scheme));
    if is_scheme && secret[first..].starts_with(' ') {
        return first + 1 + word(&secret[first + 1..]);
    }
    first
}

/// Escapes the characters that forge a line: controls, line separators and bidirectional controls.
///
/// Bidirectional controls make a terminal or viewer display a line in another order.
pub(crate) fn escape_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if c.is_control() || is_line_separator(c) || is_bidirectional_control(c) => {
                // Writing to a `String` cannot fail.
                let _ = write!(line, "{}", c.escape_unicode());
            }
            c => line.push(c),
        }
    }
    line
}

fn is_line_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// The characters with the Unicode property `Bidi_Control`.
fn is_bidirectional_control(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEPT: usize = 4 * 1024;

    #[test]
    fn credentials_are_removed_and_the_rest_is_kept() {
        let cases = [
            ("nothing to hide", "nothing to hide"),
            ("redis://:pw@cache:6379/0", "redis://***@cache:6379/0"),
            (
                "postgres://u:p/w@db/x refused",
                "postgres://***@db/x refused",
            ),
            ("postgres://u:p@ss@db/x", "postgres://***@db/x"),
            ("http://svc:8080/users/a@b.c", "http://svc:8080/users/a@b.c"),
            ("http://[::1]:80/x@y", "http://[::1]:80/x@y"),
            (
                "two amqp://a:b@h1 amqp://c:d@h2",
                "two amqp://***@h1 amqp://***@h2",
            ),
            (
                "host=db password=hunter2 user=app",
                "host=db password=*** user=app",
            ),
            ("PASSWORD = \"two words\"; x", "PASSWORD = \"***\"; x"),
            (
                "{\"db_password\": \"x y\", \"n\": 1}",
                "{\"db_password\": \"***\", \"n\": 1}",
            ),
            (
                "Authorization: Bearer abc.def sent",
                "Authorization: *** sent",
            ),
            ("?api_key=1&token=2&page=3", "?api_key=***&token=***&page=3"),
            (
                "password authentication failed",
                "password authentication failed",
            ),
            ("empty password= next", "empty password= ***"),
            ("grün://ö:ä@ü password=ß", "grün://***@ü password=***"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact_credentials(text), expected, "{text}");
        }
    }

    /// Searches the whole word for each URL: slow but obviously right.
    fn naive(text: &str) -> String {
        let Some((before, url)) = text.split_once("://") else {
            return text.to_owned();
        };
        let word = url.split([' ', '\t', '\n', '"', '\'', '<', '>']).next();
        let word = word.unwrap_or_default();
        let authority = word.split(['/', '?', '#']).next().unwrap_or_default();
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let end = match (authority.rfind('@'), authority.rsplit_once(':')) {
            (Some(at), _) => Some(at),
            (None, Some((_, port))) if !is_port(port) && !authority.starts_with('[') => {
                word.rfind('@')
            }
            _ => None,
        };
        let mask = if end.is_some() { MASK } else { "" };
        format!("{before}://{mask}{}", naive(&url[end.unwrap_or(0)..]))
    }

    proptest! {
        #[test]
        fn urls_in_one_word_are_redacted_as_if_each_stood_alone(
            parts in prop::collection::vec(
                prop::sample::select(vec!["://", ":", "/", "@", "[", " ", "a", "1", "ä", "?"]),
                0..40,
            ),
        ) {
            let text = parts.concat();
            prop_assert_eq!(redact_urls(&text), naive(&text));
        }
    }

    // With a search of the whole rest for each URL, this test would not end.
    #[test]
    fn a_text_of_nothing_but_urls_is_searched_once() {
        for (url, expected) in [
            ("://", "://"),
            ("://a:b/", "://a:b/"),
            ("://a:b ", "://a:b "),
            ("://a:b@", "://***@"),
            ("token=://a:b/", "token=***"),
        ] {
            let times = (1 << 20) / url.len();
            let redacted = redact_credentials(&url.repeat(times));
            assert!(redacted.starts_with(expected), "{url}");
        }
    }

    #[test]
    fn a_text_is_bounded_before_the_hook_and_cut_after_it() {
        let redactor = Redactor::new(|text| {
            assert_eq!(text.len(), BOUND);
            text.to_owned()
        });
        assert_eq!(redactor.prepare("ä".repeat(1 << 20)).len(), KEPT);
        // The limit falls within a two-byte character.
        let redactor = Redactor::default();
        assert_eq!(
            redactor.prepare(format!("x{}", "ä".repeat(4096))).len(),
            KEPT - 1
        );
    }

    #[test]
    fn a_secret_that_the_cut_would_split_never_appears_in_part() {
        let text = format!("{} password=hunter2", "x".repeat(KEPT - 13));
        let kept = Redactor::default().prepare(text);
        assert!(!kept.contains("hu"), "{}", &kept[KEPT - 20..]);
    }

    #[test]
    fn a_hook_that_panics_withholds_the_text() {
        let redactor = Redactor::new(|text| panic!("cannot redact {text}"));
        assert_eq!(
            redactor.prepare("hunter2".to_owned()),
            "withheld: the redaction hook panicked"
        );
    }

    #[test]
    fn no_text_forges_a_line() {
        let line = escape_line("a\r\n[+]db ok\u{2028}b\u{0}\u{1b}[31m\tc");
        assert_eq!(line, "a\\r\\n[+]db ok\\u{2028}b\\u{0}\\u{1b}[31m\\tc");
    }

    #[test]
    fn no_text_changes_the_display_order_of_a_line() {
        let ranges = ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'];
        for c in ranges.into_iter().flatten().chain(marks) {
            let line = escape_line(&format!("db {c}ko"));
            assert_eq!(line, format!("db {}ko", c.escape_unicode()));
        }
        // The joiners next to them are part of ordinary text and emoji.
        for text in ["שלום", "می\u{200c}خواهم", "👩\u{200d}🚀"] {
            assert_eq!(escape_line(text), text);
        }
    }
}
