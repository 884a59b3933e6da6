//! The names whose values are secrets.

/// What kind of value follows a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// A password, token or key.
    Secret,
    /// A name that is also an ordinary word, such as `signature`: only an `=` makes it a name.
    Assigned,
    /// A scheme, then the credentials.
    Authorization,
    /// Pairs, separated by semicolons.
    Cookie,
}

/// How the start of a name must look.
#[derive(PartialEq)]
enum Start {
    /// Anything may stand before it, as in `dbpassword`.
    Any,
    /// A word starts here: `pass`, `db_pass` and `dbPass`, but not `bypass`.
    Word,
}

/// The ends of names, in lower case. A space stands for an optional `_`, `-`, `.` or space.
const NAMES: [(&str, Start, Kind); 18] = [
    ("password", Start::Any, Kind::Secret),
    ("passwd", Start::Any, Kind::Secret),
    ("pass phrase", Start::Any, Kind::Secret),
    ("pass code", Start::Any, Kind::Secret),
    ("pass", Start::Word, Kind::Secret),
    ("pwd", Start::Any, Kind::Secret),
    ("secret", Start::Any, Kind::Secret),
    ("token", Start::Any, Kind::Secret),
    ("jwt", Start::Word, Kind::Secret),
    ("api key", Start::Any, Kind::Secret),
    ("access key", Start::Any, Kind::Secret),
    ("account key", Start::Any, Kind::Secret),
    ("private key", Start::Any, Kind::Secret),
    ("secret key", Start::Any, Kind::Secret),
    ("sig", Start::Word, Kind::Assigned),
    ("signature", Start::Any, Kind::Assigned),
    ("authorization", Start::Any, Kind::Authorization),
    ("cookie", Start::Any, Kind::Cookie),
];

/// Returns the kind of the name that ends where the text ends. Takes constant time.
pub(super) fn at_end_of(text: &[u8]) -> Option<Kind> {
    let numbered = text.len().saturating_sub(2);
    let digits = text[numbered..].iter().rev();
    // `password2` is a password too.
    let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
    let text = &text[..text.len() - digits];
    let found = NAMES.iter().find(|(name, start, _)| {
        before(text, name).is_some_and(|at| *start == Start::Any || starts_word(text, at))
    });
    found.map(|(_, _, kind)| *kind)
}

/// Returns the index at which `name` starts, if the text ends with it.
fn before(text: &[u8], name: &str) -> Option<usize> {
    let mut at = text.len();
    for letter in name.bytes().rev() {
        let last = *text[..at].last()?;
        if letter == b' ' {
            at -= usize::from(matches!(last, b'_' | b'-' | b'.' | b' '));
        } else if last.to_ascii_lowercase() == letter {
            at -= 1;
        } else {
            return None;
        }
    }
    Some(at)
}

fn starts_word(text: &[u8], at: usize) -> bool {
    let is_hump = || text[at].is_ascii_uppercase() && text[at + 1].is_ascii_lowercase();
    let before = text[..at].last();
    before.is_none_or(|byte| !byte.is_ascii_alphabetic()) || is_hump()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_a_prefix_a_number_and_any_case() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword",
            "password2",
            "api key",
            "apiKey",
            "API-KEY",
            "x-api-key",
            "AccountKey",
            "SharedAccessKey",
            "aws_secret_access_key",
            "pass",
            "db_pass",
            "dbPass",
            "DBPass",
            "client_secret",
            "access_token",
            "passphrase",
        ] {
            assert_eq!(at_end_of(name.as_bytes()), Some(Kind::Secret), "{name}");
        }
        assert_eq!(at_end_of(b"Proxy-Authorization"), Some(Kind::Authorization));
        assert_eq!(at_end_of(b"Set-Cookie"), Some(Kind::Cookie));
        assert_eq!(at_end_of(b"X-Amz-Signature"), Some(Kind::Assigned));
    }

    #[test]
    fn words_that_only_look_like_names_are_none() {
        for word in [
            "",
            "2",
            "bypass",
            "COMPASS",
            "key",
            "monkey",
            "primary key",
            "foreign_key",
            "tokens",
            "max_tokens",
            "authority",
            "design",
            "passwords",
            "secretary",
        ] {
            assert_eq!(at_end_of(word.as_bytes()), None, "{word}");
        }
    }
}
