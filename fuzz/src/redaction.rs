//! Redaction: a secret that is planted in any text never comes out.
//!
//! The first character of an input chooses how the secret is written. The first `|` after it is where
//! the secret is planted; without one, at the end.

use tower_health::redact_credentials;

/// Appears in no text by chance: the letters of a random word, in which no delimiter stands.
const SECRET: &str = "xQ7vRk2mZt";

/// How errors of clients write a credential. `{}` stands for the secret.
const FORMS: [&str; 16] = [
    "postgres://app:{}@db:5432/main",
    "redis://:{}@cache/0",
    "https://{}@host/path",
    "password={}",
    "password: {}",
    "PASSWORD = {};",
    "\"password\": \"{}\"",
    "{\"token\":\"{}\"}",
    "'secret': '{}'",
    "?api_key={}&page=2",
    "Authorization: Bearer {}",
    "authorization: basic {}",
    "AccountName=x;AccessKey={}",
    "client_secret={}",
    "passwd={} host=db",
    "access_token={}",
];

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // The fuzzer finds the secret in the comparison below, and plants it itself.
    if text.contains(SECRET) {
        return;
    }
    let (choice, surroundings) = match text.char_indices().nth(1) {
        Some((at, _)) => text.split_at(at),
        None => (&*text, ""),
    };
    let (before, after) = surroundings.split_once('|').unwrap_or((surroundings, ""));

    let redacted = redact_credentials(surroundings);
    // At most three characters stand for each secret, and its name stays.
    assert!(redacted.len() <= 2 * surroundings.len() + 3, "{redacted:?}");

    let choice = choice.chars().next().map_or(0, |c| c as usize);
    let planted = FORMS[choice % FORMS.len()].replace("{}", SECRET);
    // After a word and on a line of its own: right after a name it would be the value.
    let text = format!("{before} .\n{planted} {after}");
    let redacted = redact_credentials(&text);
    assert!(!redacted.contains(SECRET), "{text:?} became {redacted:?}");
}
