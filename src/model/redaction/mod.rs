//! Prepares texts for reports and logs: bounds, redacts and cuts them, and escapes lines.

use crate::catch::{CatchDrop, catch_panic};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{Limits, ObservedValue, Reading};

mod credentials;
mod line;

pub(crate) use self::line::escape_line;

/// The length in bytes to which a text is cut before redaction, to bound the work of a hook.
const BOUND: usize = 64 * 1024;

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

    /// Prepares every text of a reading.
    pub(crate) fn prepare_reading(&self, reading: Reading) -> Reading {
        let prepare = |text: Cow<'static, str>| {
            let text = self.prepare(text.into_owned());
            Some(text).filter(|text| !text.is_empty())
        };
        let measurement = reading.measurement.and_then(prepare);
        Reading {
            // The draft allows no colon within a measurement name. The hook would not know a pair
            // or a URL without it, so this comes last.
            measurement: measurement.map(|measurement| measurement.replace(':', ".").into()),
            value: match reading.value {
                ObservedValue::Text(text) => ObservedValue::Text(self.prepare(text)),
                value => value,
            },
            unit: reading.unit.and_then(prepare).map(Cow::Owned),
        }
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

/// Masks the credentials in a text: each becomes `***`.
///
/// This is the default redaction hook. It takes time linear in the length of the text, and masks
/// again what it masked before. `hunter2` stands for the secret in all that follows.
///
/// # What is recognised
///
/// - **The user information of URLs**, whatever the password contains:
///   `postgres://app:hunter2@db/main`, and the same with percent-encoding.
/// - **Values of names** that end with `password`, `passwd`, `passphrase`, `passcode`, `pwd`,
///   `secret`, `token`, `api_key`, `access_key`, `account_key`, `private_key`, `secret_key`,
///   `authorization` or `cookie`, in any case, with any prefix, with or without `_` or `-`, or a
///   number at the end. `pass` and `jwt` count as whole words; `sig` and `signature` count before
///   an `=`.
/// - **The ways to write these pairs**: `=`, `:`, `=>`, `==` or `:=`, with space or a line break
///   after it; in query strings, JSON, TOML, YAML and its blocks, and simple XML elements; quoted
///   by `"`, `'` or `` ` ``, with escaped quotes, at any depth of JSON in JSON; with `%3D` and
///   `\u0022` for the signs; and as `Debug` prints it: `password: Some("hunter2")`,
///   `Secret("hunter2")`, `Secret { inner: "hunter2" }`, `[104, 117]`.
/// - **Headers**: `Authorization` with a scheme of any name and its parameters, `Cookie` and
///   `Set-Cookie`; `Bearer` and `Basic` by themselves, if a digit is in the credentials.
/// - **Connection strings**: `PWD={hunter2}` and `AccountKey=hunter2` of ADO and ODBC,
///   `jdbc:…;password=hunter2`, `app:hunter2@tcp(db)` of Go, `app:hunter2@db:5432`, and
///   `app/hunter2@db` of Oracle, also after `sqlplus` and `jdbc:oracle:thin:`.
/// - **Private keys** in PEM, up to their end or that of the text.
///
/// # What is not recognised
///
/// - A secret without a name or a form, such as `rejected hunter2`, and names other than these, such
///   as `pin`, `credentials` or `passwords`.
/// - Values without a separator: `--password hunter2`, `AUTH hunter2`, `IDENTIFIED BY 'hunter2'`,
///   `("password", "hunter2")`, lists of YAML.
/// - The end of a value that its format does not allow: `password=two words` masks `two`, and
///   `password=a&b=c` masks `a`.
/// - Passwords that make a URL ambiguous: `http://app:80/hunter2@host` is a port and a path.
/// - Text that is encoded otherwise: base64, HTML entities, compressed or encrypted text.
///
/// Words that a message says *about* a credential stay, since a message without them says nothing:
/// in `invalid token: expected a digit` and `authorization: denied` nothing is masked, nor are
/// `None`, `null`, and one or two punctuation marks. So a password that is such a word, without
/// quotes and after a colon and a space, stays too.
///
/// [`HealthBuilder::redact`] sets a hook that knows your secrets, and can call this function first.
///
/// ```
/// use tower_health::redact_credentials;
///
/// let text = "cannot reach postgres://app:hunter2@db:5432/main?password=hunter2";
/// assert_eq!(
///     redact_credentials(text),
///     "cannot reach postgres://***@db:5432/main?password=***",
/// );
///
/// let text = "Settings { user: \"app\", password: Some(\"hunter2\"), pool: 8 }";
/// assert_eq!(
///     redact_credentials(text),
///     "Settings { user: \"app\", password: ***, pool: 8 }",
/// );
/// ```
///
/// [`HealthBuilder::redact`]: crate::HealthBuilder::redact
pub fn redact_credentials(text: &str) -> String {
    credentials::redact(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: usize = 4 * 1024;

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
}
