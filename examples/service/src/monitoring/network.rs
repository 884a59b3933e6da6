//! Which events only say that the network failed.
//!
//! While a database is away, each request fails so. The check of the database reports the same once.

use sentry::protocol::{Event, Exception};

/// The types of `std::io::Error` and of clients around it, as the SDK reads them from `Debug`.
const TYPES: [&str; 4] = ["Os", "Custom", "Kind", "Io"];

/// What the system and the standard library call a network that fails.
const WORDS: [&str; 13] = [
    "connection refused",
    "connection reset",
    "connection aborted",
    "not connected",
    "broken pipe",
    "network is unreachable",
    "network unreachable",
    "network is down",
    "network down",
    "no route to host",
    "host unreachable",
    "timed out",
    "failed to lookup address",
];

/// What clients call a connection that ends too soon. Parsers have similar words for a text.
const ENDS: [&str; 5] = [
    "at eof",
    "early eof",
    "handshake eof",
    "unexpected end of file",
    "peer closed connection",
];

/// A pool of sqlx hides the refused connection that it tried again until its time was up.
const POOL: [&str; 2] = ["PoolTimedOut", "PoolClosed"];

pub(super) fn is_network_error(event: &Event<'_>) -> bool {
    event.exception.values.iter().any(is_of_network)
}

fn is_of_network(exception: &Exception) -> bool {
    if POOL.contains(&&*exception.ty) {
        return true;
    }
    let text = exception
        .value
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    (TYPES.contains(&&*exception.ty) && says(&WORDS)) || (exception.ty == "Custom" && says(&ENDS))
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;

    use super::*;

    fn is_dropped(error: &(dyn Error + 'static)) -> bool {
        is_network_error(&sentry::event_from_error(error))
    }

    #[test]
    fn errors_of_the_network_are_dropped_bare_and_within_those_of_clients() {
        let os = |code| io::Error::from_raw_os_error(code);
        // ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENOTCONN
        for code in [111, 104, 32, 110, 113, 101, 107] {
            assert!(is_dropped(&os(code)), "{}", os(code));
            assert!(is_dropped(&sqlx::Error::Io(os(code))), "{}", os(code));
        }
        for kind in [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::TimedOut,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::NotConnected,
        ] {
            assert!(is_dropped(&io::Error::from(kind)), "{kind}");
        }
        assert!(is_dropped(&sqlx::Error::PoolTimedOut));
        let closed = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "expected to read 5 bytes, got 0 bytes at EOF",
        );
        assert!(is_dropped(&sqlx::Error::Io(closed)));
    }

    #[test]
    fn every_other_error_is_kept() {
        let missing = io::Error::from_raw_os_error(2); // ENOENT
        let full = io::Error::from_raw_os_error(28); // ENOSPC
        assert!(!is_dropped(&missing) && !is_dropped(&full));
        assert!(!is_dropped(&sqlx::Error::RowNotFound));
        assert!(!is_dropped(&sqlx::Error::WorkerCrashed));
        // A text about the network alone makes no error of it.
        let text: Box<dyn Error> = "no schema within 60s: connection refused".into();
        assert!(!is_dropped(&*text));
        // A text that ends too soon is no connection that does.
        for text in ["", "{\"a\":", "[1, \"b"] {
            let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
            assert!(!is_dropped(&error), "{error}");
            assert!(!is_dropped(&io::Error::from(error)));
        }
    }
}
