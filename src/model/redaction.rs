//! What happens to a text before anybody sees it: bounded, redacted, cut, and, for lines, escaped.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::panic::quietly;

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
        let mut redacted = quietly(|| (self.0)(&text))
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
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (scheme, url) = rest.split_at(at + 3);
        redacted.push_str(scheme);
        rest = url;
        if let Some(length) = userinfo(url) {
            redacted.push_str(MASK);
            rest = &url[length..];
        }
    }
    redacted.push_str(rest);
    redacted
}

/// The length of the user information in front of the `@`, for a URL without its scheme.
fn userinfo(url: &str) -> Option<usize> {
    let end = |chars: &[char]| url.find(chars).unwrap_or(url.len());
    let authority = &url[..end(&['/', '?', '#', ' ', '\t', '\n', '"', '\'', '<', '>'])];
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    // What stands behind the colon should be a port. If it is not, then it is a password with a
    // delimiter in it that somebody forgot to escape.
    let (_, port) = authority.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port || authority.starts_with('[') {
        return None;
    }
    url[..end(&[' ', '\t', '\n', '"', '\'', '<', '>'])].rfind('@')
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
