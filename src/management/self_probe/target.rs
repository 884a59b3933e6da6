//! What is probed: an address, or a Unix socket.

#[derive(Debug)]
pub(super) enum Target {
    /// `host:port`.
    Tcp(String),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl Target {
    /// Returns the target, and the host that the request names. `Err` says what is wrong.
    pub(super) fn parse(text: &str) -> Result<(Self, String), String> {
        if let Some(path) = text.strip_prefix("unix:") {
            #[cfg(unix)]
            if path.is_empty() {
                return Err("target \"unix:\": the path of the socket is missing".to_owned());
            } else {
                return Ok((Self::Unix(path.into()), "localhost".to_owned()));
            }
            #[cfg(not(unix))]
            return Err(format!("target {path:?}: this system has no Unix sockets"));
        }
        let address = text.strip_prefix("http://").unwrap_or(text);
        let address = address.strip_suffix('/').unwrap_or(address);
        let parts = address.rsplit_once(':');
        let is_sound = parts.is_some_and(|(host, port)| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:%".contains(&byte);
            !host.is_empty() && host.bytes().all(is_name) && port.parse::<u16>().is_ok()
        });
        if !is_sound {
            return Err(format!(
                "target {text:?}: it must be host:port, http://host:port or unix:/path"
            ));
        }
        Ok((Self::Tcp(address.to_owned()), address.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read() {
        for text in [
            "127.0.0.1:80",
            "localhost:9000",
            "[::1]:80",
            "http://a-b.c:1",
            "http://a:1/",
        ] {
            assert!(Target::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "localhost",
            ":80",
            "a:b",
            "a:70000",
            "https://a:1",
            "a b:1",
            "a:1/x",
            "a\r\n:1",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
        assert_eq!(Target::parse("unix:/run/x.sock").is_ok(), cfg!(unix));
        assert!(Target::parse("unix:").is_err());
    }
}
