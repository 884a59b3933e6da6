//! Real error messages without secrets come out as they went in.

use tower_health::redact_credentials;

const MESSAGES: &str = include_str!("../corpus/messages.txt");

/// Undoes the escapes of the file.
fn message(line: &str) -> String {
    let mut message = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        message.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('\\') => '\\',
                other => panic!("unknown escape {other:?} in {line}"),
            },
            c => c,
        });
    }
    message
}

fn messages() -> impl Iterator<Item = String> {
    let lines = MESSAGES.lines();
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(message)
}

#[test]
fn no_message_of_the_corpus_is_changed() {
    assert!(messages().count() >= 500);
    for message in messages() {
        assert_eq!(redact_credentials(&message), message);
    }
}

#[test]
fn no_message_of_the_corpus_is_changed_by_what_prints_it() {
    for message in messages() {
        for text in [
            format!("db: {message}; cache: {message}"),
            format!("Error {{ message: {message:?} }}"),
            format!("{:?}", format!("{message:?}")),
        ] {
            assert_eq!(redact_credentials(&text), text);
        }
    }
}

#[test]
fn a_secret_after_any_message_of_the_corpus_is_masked() {
    for message in messages() {
        for secret in [" password=hunter2", ": postgres://app:hunter2@db"] {
            let redacted = redact_credentials(&format!("{message}{secret}"));
            assert!(!redacted.contains("hunter2"), "{redacted}");
            assert!(redacted.starts_with(&message), "{redacted}");
        }
    }
}
