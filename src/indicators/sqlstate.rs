//! What the error codes of Postgres mean to whoever has to mend it.

/// The codes are those of the
/// [manual](https://www.postgresql.org/docs/current/errcodes-appendix.html).
pub(super) fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" => "the password is wrong",
        "28000" => "the server does not let this user in from here, or not without TLS",
        "3D000" => "there is no such database",
        "42501" => "the user may not do this",
        "25006" => "the server is read-only",
        "53100" => "the disk of the server is full",
        "53300" => "all connections that the server allows are taken",
        "57P01" | "57P02" => "the server is shutting down or was restarted",
        "57P03" => "the server is starting up or shutting down",
        _ => return None,
    })
}

/// The words of the server, its code, and what it means.
pub(super) fn described(message: &str, code: &str, meaning: Option<&str>) -> String {
    match meaning {
        Some(meaning) => format!("{message} ({code}: {meaning})"),
        None => format!("{message} ({code})"),
    }
}
