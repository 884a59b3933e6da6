//! What happens to a text before anybody sees it: bounded, redacted, cut, and, for lines, escaped.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::catch_panic;

/// A text longer than this is cut before it is redacted, so that a hook never works on megabytes.
const BOUND: usize = 64 * 1024;

/// What is kept of a text after it was redacted.
const KEPT: usize = 4 * 1024;

const MASK: &str = "***";

/// The redaction hook, and what is done around it.
#[derive(Clone)]
pub(crate) struct Redactor(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl Redactor {
    pub(crate) fn new(hook: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    /// Bounds the text, passes it through the hook, and cuts what comes back. A hook that panics
    /// withholds the text, and its own message too: that may quote the secret.
    pub(crate) fn prepare(&self, mut text: String) -> String {
        cut(&mut text, BOUND);
        let mut redacted = catch_panic(|| (self.0)(&text))
            .unwrap_or_else(|| "withheld: the redaction hook panicked".to_owned());
        cut(&mut redacted, KEPT);
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

/// Cuts a text that this crate joined from prepared ones.
pub(crate) fn shorten(mut text: String) -> String {
    cut(&mut text, KEPT);
    text
}

fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        // Index 0 is always a boundary.
        let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
}

/// Removes credentials from URLs (`scheme://user:password@host`) and the values of
/// `password=…`-style pairs (`password`, `pwd`, `secret`, `token`, `api_key`, `authorization`, …).
///
/// This is the redaction hook unless [`HealthBuilder::redact`] sets another, which may call this
/// one first. It knows common shapes, not every shape: a hook of your own knows your secrets.
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

/// Where the `@` behind the user information is, for a URL that starts here without its scheme.
fn userinfo_end(text: &str, start: usize, word: &mut Word) -> Option<usize> {
    let url = &text[start..];
    let end = url.find(['/', '?', '#', ' ', '\t', '\n', '"', '\'', '<', '>']);
    let authority = &url[..end.unwrap_or(url.len())];
    if let Some(at) = authority.rfind('@') {
        return Some(start + at);
    }
    // What stands behind the colon should be a port. If it is not, then it is a password with a
    // delimiter in it that somebody forgot to escape.
    let (_, port) = authority.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port || authority.starts_with('[') {
        return None;
    }
    word.last_at(text, start)
}

/// The word that was looked at last. It is remembered because a long one may hold many URLs: to
/// look at all of it for each of them would take the square of the time.
#[derive(Default)]
struct Word {
    end: usize,
    last_at: Option<usize>,
}

impl Word {
    /// The last `@` between here and the end of the word. Never goes back in the text.
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

/// A quoted secret ends at its quote, any other at white space or a separator of pairs.
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

/// Escapes control characters and line separators, so that a text cannot forge a line.
pub(crate) fn escape_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                // Writing to a `String` cannot fail.
                let _ = write!(line, "{}", c.escape_unicode());
            }
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    /// Looks at the whole word for each URL: slow, and obviously right.
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
        fn urls_in_one_word_are_redacted_as_though_each_were_looked_at_alone(
            parts in prop::collection::vec(
                prop::sample::select(vec!["://", ":", "/", "@", "[", " ", "a", "1", "ä", "?"]),
                0..40,
            ),
        ) {
            let text = parts.concat();
            prop_assert_eq!(redact_urls(&text), naive(&text));
        }
    }

    // In the time that a look at the whole rest for each URL takes, this test would not end.
    #[test]
    fn a_text_of_nothing_but_urls_is_gone_through_once() {
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
        // The limit falls into the middle of a two-byte character.
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
}
