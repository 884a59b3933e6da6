//! Descriptions of the errors of Redis and of its client, for the on-call engineer.

use std::io;

use redis::{ErrorKind, RedisError, Value};

const NO_LISTENER: &str = "no process listens on this port: the server is down";

/// Describes an error that followed this command: the message of the server or client, and what it
/// means.
pub(super) fn describe(error: &RedisError, command: &str, reconnects: bool) -> String {
    match (error.code(), error.detail()) {
        (Some(code), detail) => {
            let message = match detail {
                Some(detail) => format!("{code} {detail}"),
                None => error.to_string(),
            };
            let detail = detail.unwrap_or_default();
            if code == "NOPERM" {
                let meaning = missing_permission(command, detail);
                return explain(message, Some(&meaning));
            }
            explain(message, meaning_of_refusal(code, detail))
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
        "NOAUTH" => {
            "the server requires a password, and this connection has none: requirepass is set, or \
             the default user is off"
        }
        "WRONGPASS" => "the server does not know this user and password",
        "READONLY" => "this is a read-only replica: connect to the master",
        "OOM" => "the server has reached maxmemory and evicts nothing",
        "MISCONF" => "the server cannot save its data to disk and refuses writes until it can",
        "NOREPLICAS" => {
            "the master has fewer replicas than min-replicas-to-write and refuses writes"
        }
        "BUSY" => "a script is blocking the server",
        "CLUSTERDOWN" => "the cluster has lost its majority or some of its slots",
        "MOVED" => {
            "this server is a node of a cluster, and this connection does not follow: use a \
             ClusterConnection and `cluster()`"
        }
        "ERR" if detail.contains("max number of clients") => {
            "all connections that maxclients allows are taken"
        }
        _ => return None,
    })
}

/// The words for commands and for keys are those of `ACLCheckAllPerm` and its callers, in Redis 6
/// and 7.
fn missing_permission(command: &str, detail: &str) -> String {
    if detail.contains(" key") {
        return "the ACL of this user does not allow the key: allow it the keys below key_prefix, \
                for reading and writing"
            .to_owned();
    }
    let command = command.split(' ').next().unwrap_or_default();
    let command = command.to_ascii_lowercase();
    format!("the ACL of this user does not allow the command: it needs +{command}")
}

fn meaning_of_breakdown(error: &RedisError, reconnects: bool) -> Option<&'static str> {
    if let Some(meaning) = meaning_for_tls(&error.to_string()) {
        return Some(meaning);
    }
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

/// The words are those of rustls (`CertificateError`) and of OpenSSL (`X509_verify_cert_error_string`).
fn meaning_for_tls(error: &str) -> Option<&'static str> {
    const EXPIRED: &str = "the certificate of the server has expired";
    const ANOTHER_NAME: &str = "the certificate of the server is for another name or address than \
                                the one in the URL";
    const NOT_TRUSTED: &str = "no authority that this client trusts has signed the certificate of \
                               the server";
    const NOT_YET: &str = "the certificate of the server is not valid yet: is a clock wrong?";
    const NO_TLS: &str = "the server does not speak TLS at this port: use redis:// or its TLS port";
    [
        ("certificate expired", EXPIRED),
        ("certificate has expired", EXPIRED),
        ("not valid for name", ANOTHER_NAME),
        ("mismatch", ANOTHER_NAME),
        ("not valid yet", NOT_YET),
        ("not yet valid", NOT_YET),
        ("UnknownIssuer", NOT_TRUSTED),
        ("BadSignature", NOT_TRUSTED),
        ("certificate verify failed", NOT_TRUSTED),
        ("InvalidContentType", NO_TLS),
        ("wrong version number", NO_TLS),
    ]
    .into_iter()
    .find_map(|(words, meaning)| error.contains(words).then_some(meaning))
}

pub(super) fn unexpected(expected: &str, answer: &Value) -> String {
    let kind = kind_of(answer);
    format!("unexpected answer: {kind} instead of {expected}; is this a Redis server?")
}

/// The kind of an answer, without its content, which may be user data.
fn kind_of(answer: &Value) -> &'static str {
    match answer {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::Array(_) => "a list",
        Value::Okay => "OK",
        Value::SimpleString(_) | Value::BulkString(_) => "another text",
        _ => "another type",
    }
}
