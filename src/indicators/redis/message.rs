//! Descriptions of the errors of Redis and of its client, for the on-call engineer.

use std::io;

use redis::{ErrorKind, RedisError, Value};

const NO_LISTENER: &str = "no process listens on this port: the server is down";

/// Describes an error: the message of the server or client, and what it means.
pub(super) fn describe(error: &RedisError, reconnects: bool) -> String {
    match (error.code(), error.detail()) {
        (Some(code), detail) => {
            let message = match detail {
                Some(detail) => format!("{code} {detail}"),
                None => error.to_string(),
            };
            explain(
                message,
                meaning_of_refusal(code, detail.unwrap_or_default()),
            )
        }
        (None, _) => explain(error.to_string(), meaning_of_breakdown(error, reconnects)),
    }
}

/// Describes the error of a connection that was never established.
pub(super) fn describe_connecting(error: &io::Error) -> String {
    let is_refused = error.kind() == io::ErrorKind::ConnectionRefused;
    explain(error.to_string(), is_refused.then_some(NO_LISTENER))
}

fn explain(message: String, meaning: Option<&str>) -> String {
    match meaning {
        Some(meaning) => format!("{message} ({meaning})"),
        None => message,
    }
}

/// The codes are those of `createSharedObjects` and `processCommand` in `server.c`, and of `acl.c`,
/// of Redis 7.
fn meaning_of_refusal(code: &str, detail: &str) -> Option<&'static str> {
    Some(match code {
        "LOADING" => "the server has started and is still loading its data from disk",
        "MASTERDOWN" => {
            "this replica has lost its master, and replica-serve-stale-data forbids it to answer"
        }
        "NOAUTH" => "the server requires a password, and this connection has none",
        "WRONGPASS" => "the server does not know this user and password",
        "NOPERM" => "the user of this connection lacks the permission",
        "READONLY" => "this is a read-only replica: connect to the master",
        "OOM" => "the server has reached maxmemory and evicts nothing",
        "MISCONF" => "the server cannot save its data to disk and refuses writes until it can",
        "NOREPLICAS" => {
            "the master has fewer replicas than min-replicas-to-write and refuses writes"
        }
        "BUSY" => "a script is blocking the server",
        "CLUSTERDOWN" => "the cluster has lost its majority or some of its slots",
        "ERR" if detail.contains("max number of clients") => {
            "all connections that maxclients allows are taken"
        }
        _ => return None,
    })
}

fn meaning_of_breakdown(error: &RedisError, reconnects: bool) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::AuthenticationFailed if reconnects => {
            "the server refuses the user or password of this connection; a ConnectionManager that \
             has used up its retries does not reconnect"
        }
        ErrorKind::AuthenticationFailed => {
            "the server refuses the user or password of this connection"
        }
        _ if error.is_timeout() => {
            "the response or connection timeout of the connection expired: the server is frozen, \
             overloaded or unreachable"
        }
        _ if error.is_connection_refusal() => NO_LISTENER,
        _ if error.is_connection_dropped() && reconnects => {
            "the server closed the connection: it stopped, restarted, or accepts no more clients; \
             the client is reconnecting"
        }
        _ if error.is_connection_dropped() => {
            "the connection is closed, and a MultiplexedConnection never reconnects: restart the \
             process, and use a ConnectionManager"
        }
        _ => return None,
    })
}

/// The kind of an answer, without its content, which may be user data.
pub(super) fn kind_of(answer: &Value) -> &'static str {
    match answer {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::Array(_) => "a list",
        Value::Okay => "OK",
        Value::SimpleString(_) | Value::BulkString(_) => "another text",
        _ => "another type",
    }
}
