//! The rules for the names of checks, gates and heartbeats.

use std::fmt;

/// Longer names would not fit a metric label or a log line.
const MAX_LENGTH: usize = 128;

/// Describes why a name is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFault {
    Empty,
    TooLong { most: usize },
    Character(char),
    SecondColon,
    EmptyPart,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong { most } => write!(f, "it is longer than {most} bytes"),
            Self::Character(c) => write!(
                f,
                "it contains {c:?}; only ASCII letters, digits, `-`, `_`, `.`, `~` and one `:` are allowed"
            ),
            Self::SecondColon => f.write_str("it has more than one `:`"),
            Self::EmptyPart => f.write_str("one side of its `:` is empty"),
        }
    }
}

/// Checks that a name has the form `component` or `component:measurement`.
///
/// Its characters need no escaping in a path (RFC 3986, section 2.3: unreserved), a query, a log
/// line or a metric label.
pub(crate) fn validate(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > MAX_LENGTH {
        return Err(NameFault::TooLong { most: MAX_LENGTH });
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || "-_.~:".contains(*c);
    if let Some(c) = name.chars().find(|c| !allowed(c)) {
        return Err(NameFault::Character(c));
    }
    match name.split_once(':') {
        Some((_, measurement)) if measurement.contains(':') => Err(NameFault::SecondColon),
        Some(("", _) | (_, "")) => Err(NameFault::EmptyPart),
        _ => Ok(()),
    }
}

/// Returns the part before the colon, or the whole name if it has none.
pub(crate) fn component(name: &str) -> &str {
    name.split_once(':')
        .map_or(name, |(component, _)| component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_escaping_anywhere_are_refused() {
        let long = "x".repeat(MAX_LENGTH + 1);
        let cases = [
            ("db", Ok(())),
            ("db:responseTime", Ok(())),
            ("payment-api_v2.eu~1", Ok(())),
            ("", Err(NameFault::Empty)),
            ("a/b", Err(NameFault::Character('/'))),
            ("a b", Err(NameFault::Character(' '))),
            ("größe", Err(NameFault::Character('ö'))),
            ("a\nb", Err(NameFault::Character('\n'))),
            ("a:b:c", Err(NameFault::SecondColon)),
            (":b", Err(NameFault::EmptyPart)),
            ("a:", Err(NameFault::EmptyPart)),
            (&*long, Err(NameFault::TooLong { most: MAX_LENGTH })),
        ];
        for (name, expected) in cases {
            assert_eq!(validate(name), expected, "{name:?}");
        }
    }

    #[test]
    fn the_component_is_what_stands_before_the_colon() {
        assert_eq!(component("db:responseTime"), "db");
        assert_eq!(component("db"), "db");
    }
}
