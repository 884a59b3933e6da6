//! What the errors of Redis and of its client mean to whoever is on call.

use redis::{ErrorKind, RedisError, Value};

/// The server's words or the client's, and what they mean.
pub(super) fn describe(error: &RedisError, reconnects: bool) -> String {
    match (error.code(), error.detail()) {
        (Some(code), detail) => {
            let words = match detail {
                Some(detail) => format!("{code} {detail}"),
                None => error.to_string(),
            };
            explained(words, meaning_of_refusal(code, detail.unwrap_or_default()))
        }
        (None, _) => explained(error.to_string(), meaning_of_breakdown(error, reconnects)),
    }
}

fn explained(words: String, meaning: Option<&str>) -> String {
    match meaning {
        Some(meaning) => format!("{words} ({meaning})"),
        None => words,
    }
}

/// The codes are those of `createSharedObjects` and `processCommand` in `server.c` of Redis 7,
/// and of `acl.c`.
fn meaning_of_refusal(code: &str, detail: &str) -> Option<&'static str> {
    Some(match code {
        "LOADING" => "the server has started and still reads its data from disk",
        "MASTERDOWN" => {
            "this replica has lost its master, and replica-serve-stale-data forbids to answer"
        }
        "NOAUTH" => "the server wants a password, and this connection has given none",
        "WRONGPASS" => "the server does not know this user and password",
        "NOPERM" => "the user of this connection may not do that",
        "READONLY" => "this is a read-only replica: the connection should lead to the master",
        "OOM" => "the server has used up its maxmemory and evicts nothing",
        "MISCONF" => "the server cannot save its data to disk and refuses writes until it can",
        "NOREPLICAS" => {
            "the master has fewer replicas than min-replicas-to-write and refuses writes"
        }
        "BUSY" => "a script keeps the server busy",
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
             has used up its retries does not try again"
        }
        ErrorKind::AuthenticationFailed => {
            "the server refuses the user or password of this connection"
        }
        _ if error.is_timeout() => {
            "the response or connection timeout of the connection ended the waiting: the server \
             is frozen, overloaded or unreachable"
        }
        _ if error.is_connection_refusal() => "nothing listens there: the server is down",
        _ if error.is_connection_dropped() && reconnects => {
            "the server ended the connection: it stopped, restarted, or takes no more clients; \
             the connection is opened anew"
        }
        _ if error.is_connection_dropped() => {
            "the connection is gone, and a MultiplexedConnection never connects again: restart \
             the process, and use a ConnectionManager"
        }
        _ => return None,
    })
}

/// The kind of an answer. Its content may be somebody's data.
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
