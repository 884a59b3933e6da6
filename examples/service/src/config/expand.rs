//! `${NAME}` and `${NAME:-text}` within the texts of a file, as in Compose files.
//!
//! The file is parsed first, so no value of the environment can change its structure.

use std::fmt;

use toml::{Table, Value};

/// How deep defaults nest: `${A:-${B:-c}}` is two.
const DEPTH: usize = 8;

/// Why a text cannot be expanded. It contains no value of the environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Missing { key: String, name: String },
    Malformed { key: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { key, name } => {
                write!(f, "{key}: the environment variable {name} is not set")
            }
            Self::Malformed { key } => {
                write!(
                    f,
                    "{key}: `${{` begins no `${{NAME}}` and no `${{NAME:-text}}`"
                )
            }
        }
    }
}

impl std::error::Error for Fault {}

/// Expands every text in the table.
///
/// # Errors
///
/// Returns an error that names the key, and the variable that is missing. An empty variable is a
/// missing one.
pub(super) fn expand(table: &mut Table, env: &dyn Fn(&str) -> Option<String>) -> Result<(), Fault> {
    for (key, value) in table {
        expand_value(key, value, env)?;
    }
    Ok(())
}

fn expand_value(
    key: &str,
    value: &mut Value,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Fault> {
    match value {
        Value::String(text) => {
            *text = expand_text(text, env, DEPTH).map_err(|fault| match fault {
                TextFault::Missing(name) => Fault::Missing {
                    key: key.to_owned(),
                    name,
                },
                TextFault::Malformed => Fault::Malformed {
                    key: key.to_owned(),
                },
            })?;
        }
        Value::Array(values) => {
            for value in values {
                expand_value(key, value, env)?;
            }
        }
        Value::Table(table) => {
            for (name, value) in table {
                expand_value(&format!("{key}.{name}"), value, env)?;
            }
        }
        _ => {}
    }
    Ok(())
}

enum TextFault {
    Missing(String),
    Malformed,
}

fn expand_text(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<String, TextFault> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let depth = depth.checked_sub(1).ok_or(TextFault::Malformed)?;
        let end = closing(after).ok_or(TextFault::Malformed)?;
        let (inner, after) = (&after[..end], &after[end + 1..]);
        expanded.push_str(before);
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) {
            return Err(TextFault::Malformed);
        }
        match (env(name), default) {
            (Some(value), None) => expanded.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => expanded.push_str(&value),
            (_, Some(default)) => expanded.push_str(&expand_text(default, env, depth)?),
            (None, None) => return Err(TextFault::Missing(name.to_owned())),
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Where the brace closes that is open before this text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

fn is_name(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(is_first)
        && text
            .bytes()
            .all(|byte| is_first(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("db.internal".to_owned()),
            "PASSWORD" => Some("a\"b\n[api]\nport = 1 ${HOST}".to_owned()),
            _ => None,
        }
    }

    fn expanded(text: &str) -> Result<String, Fault> {
        let mut table = Table::new();
        let mut inner = Table::new();
        inner.insert("url".to_owned(), Value::String(text.to_owned()));
        table.insert("database".to_owned(), Value::Table(inner));
        expand(&mut table, &env)?;
        Ok(table["database"]["url"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_variable_stands_for_its_value() {
        for (text, value) in [
            ("plain", "plain"),
            ("", ""),
            ("pg://${HOST}/app", "pg://db.internal/app"),
            ("${HOST}${HOST}", "db.internaldb.internal"),
            ("${NONE:-}", ""),
            ("${NONE:-5432}", "5432"),
            ("${HOST:-other}", "db.internal"),
            ("${NONE:-${HOST}:1}", "db.internal:1"),
            ("${NONE:-${NOR:-3}}", "3"),
            ("$HOST } {", "$HOST } {"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn a_value_of_the_environment_changes_nothing_but_its_text() {
        assert_eq!(expanded("${PASSWORD}"), Ok(env("PASSWORD").unwrap()));
    }

    #[test]
    fn a_variable_that_is_missing_is_named_with_its_key() {
        let fault = expanded("pg://${HOST}/${DB_NAME}").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "database.url: the environment variable DB_NAME is not set"
        );
        let nested = expanded("${NONE:-${DB_NAME}}").unwrap_err();
        assert!(nested.to_string().contains("DB_NAME"));
    }

    #[test]
    fn what_is_no_variable_is_an_error_of_its_key() {
        let deep = format!("{}{}", "${N:-".repeat(20), "}".repeat(20));
        for text in [
            "${",
            "${HOST",
            "${}",
            "${1A}",
            "${HO ST}",
            "${HOST-x}",
            &deep,
        ] {
            let fault = expanded(text).unwrap_err();
            assert!(matches!(fault, Fault::Malformed { .. }), "{text}: {fault}");
            assert!(fault.to_string().starts_with("database.url: "), "{text}");
        }
    }
}
