//! Keeps the secrets of the URL and the headers out of the log, whatever a receiver or an error says.

use http::Uri;
use http::header::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::notification::escape;
use crate::redact_credentials;

/// How much of the body of a refusal the log shows, in bytes.
const SHOWN: usize = 200;

/// The least that is read beyond that, in bytes, so that credentials of others are whole, too.
const BEYOND: usize = 256;

/// Secrets that are shorter are masked only where they stand alone: `v1` in `/v1/`, not in `v12`.
const SHORT: usize = 4;

/// What is escaped where each part of a URL is escaped by itself (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Masks what is secret in a text.
pub(super) struct Censor {
    /// Each part of the secrets, in each way that it may be written.
    secrets: Vec<String>,
    longest: usize,
}

impl Censor {
    /// Takes the path, the query and the values of sensitive headers for secrets.
    pub(super) fn new(uri: &Uri, headers: &HeaderMap) -> Self {
        let values = headers.values().filter(|value| value.is_sensitive());
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let of_url = [uri.path(), uri.query().unwrap_or_default()];
        let of_url = of_url.into_iter().map(str::to_owned);
        let separators = ['/', '?', '&', '=', ' ', ':', ',', ';', '"'];
        let mut secrets: Vec<_> = of_url
            .chain(values)
            .flat_map(|secret| {
                let parts = secret.split(separators).flat_map(forms);
                parts.collect::<Vec<_>>()
            })
            .filter(|form| !form.is_empty())
            .collect();
        secrets.sort();
        secrets.dedup();
        let longest = secrets.iter().map(String::len).max().unwrap_or_default();
        Self { secrets, longest }
    }

    /// Returns how much of a body to read, in bytes.
    pub(super) fn enough(&self) -> usize {
        SHOWN + self.beyond()
    }

    fn beyond(&self) -> usize {
        // The bytes of a text that is not UTF-8 become three each.
        3 * self.longest.max(BEYOND)
    }

    /// Returns the beginning of a body on one line. `is_whole` is whether the body ends here.
    pub(super) fn body(&self, body: &[u8], is_whole: bool) -> String {
        let text = String::from_utf8_lossy(body);
        let text = self.line(text.trim());
        // A secret that is cut at the end is no longer than this. It may have come into view because
        // what was masked before it is shorter now.
        let certain = if is_whole {
            text.len()
        } else {
            text.len().saturating_sub(self.beyond())
        };
        let end = (0..=certain.min(SHOWN)).rev();
        let mut end = end.filter(|end| text.is_char_boundary(*end));
        text[..end.next().unwrap_or_default()].to_owned()
    }

    /// Returns a text on one line without credentials, nor anything secret of the URL and the
    /// headers.
    pub(super) fn line(&self, text: &str) -> String {
        escape(&redact_credentials(&self.masked(text)))
    }

    fn masked(&self, text: &str) -> String {
        let mut is_secret = vec![false; text.len()];
        for secret in &self.secrets {
            let places = text.as_bytes().windows(secret.len()).enumerate();
            // Percent encoding is the same in both cases, and so are many tokens.
            let places = places.filter(|(_, part)| part.eq_ignore_ascii_case(secret.as_bytes()));
            for (start, _) in places {
                let end = start + secret.len();
                if secret.len() >= SHORT || stands_alone(text, start, end) {
                    is_secret[start..end].fill(true);
                }
            }
        }
        let mut masked = String::with_capacity(text.len());
        let mut was_secret = false;
        for (place, c) in text.char_indices() {
            match (is_secret[place], was_secret) {
                (true, false) => masked.push_str("***"),
                (true, true) => {}
                (false, _) => masked.push(c),
            }
            was_secret = is_secret[place];
        }
        masked
    }
}

/// Returns a part of a secret as it is, and as others may write it.
fn forms(part: &str) -> Vec<String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    // In a query, `+` stands for a space.
    let (plain, of_query) = (decode(part), decode(&part.replace('+', " ")));
    let encoded = utf8_percent_encode(&plain, RESERVED).to_string();
    let with_plus = utf8_percent_encode(&of_query, RESERVED).to_string();
    let with_plus = with_plus.replace("%20", "+");
    vec![part.to_owned(), plain, of_query, encoded, with_plus]
}

/// Returns whether neither a letter nor a digit is beside a part of a text.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let text = text.as_bytes();
    !is_word(text[..start].last()) && !is_word(text.get(end))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    fn censor(path: &str, header: &'static str) -> Censor {
        let uri = format!("http://localhost{path}").parse().unwrap();
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::from_static(header);
        value.set_sensitive(true);
        headers.insert("x-key", value);
        Censor::new(&uri, &headers)
    }

    // The place at which the reading ends moves through a row of tokens, whose masks are shorter.
    #[test]
    fn no_part_of_a_secret_is_shown_wherever_the_body_is_cut() {
        let token = "k3y-0f-the-receiver-that-nobody-may-see";
        let censor = censor("/", token);
        for length in 0..400 {
            for repeats in [1, 4, 100] {
                let body = format!("{}{}", "no ".repeat(length), token.repeat(repeats));
                let read = &body.as_bytes()[..body.len().min(censor.enough())];
                let shown = censor.body(read, read.len() == body.len());
                assert!(shown.len() <= SHOWN);
                for part in ["k3y", "0f-", "receiver", "nobody", "may-see"] {
                    assert!(!shown.contains(part), "{shown}");
                }
            }
        }
        let shown = censor.body("no ".repeat(1_000).as_bytes(), false);
        assert_eq!(shown.len(), SHOWN);
    }

    #[test]
    fn a_secret_is_masked_however_it_is_written_and_however_short_it_is() {
        let censor = censor(
            "/in/x7?key=abc123&by=app%3Aw%20rd/l%2Fng&to=%C3%BCber-all",
            "abcd-1, abcd-12345",
        );
        for (text, line) in [
            ("abc123", "***"),
            ("xabc123y", "x***y"),
            ("x7 and x70 and /x7/", "*** and x70 and /***/"),
            ("user app:w rd/l/ng", "user ***/***"),
            ("user app%3aw%20rd", "user ***"),
            ("user app%3Aw+rd%2Fl%2Fng", "user ***%2F***"),
            ("room \u{fc}ber-all", "room ***"),
            ("ABCD-12345", "***"),
            ("a\nb", "a\\nb"),
            ("", ""),
        ] {
            assert_eq!(censor.line(text), line, "{text}");
        }
    }
}
