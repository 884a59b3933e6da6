//! Where a redirect leads, as the kubelet's client reads it (RFC 3986, section 5).

/// Where a probe goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// On the address of the pod.
    Here {
        /// `Some` if the location names a port, or a scheme with a port of its own.
        port: Option<u16>,
        /// Path and query.
        path: String,
        /// `Some` if the location names the host: `Host` of the next request.
        host: Option<String>,
    },
    /// On the address of the pod, over TLS.
    Tls,
    /// On another host, which the kubelet does not ask.
    Elsewhere,
}

/// Reads a `Location` that answered a request for `path` at `address`.
pub(super) fn next(location: &str, path: &str, address: &str) -> Next {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, rest) = match location.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            (Some(scheme), rest)
        }
        _ => match location.strip_prefix("//") {
            Some(rest) => (None, rest),
            None => {
                return Next::Here {
                    port: None,
                    path: resolve(location, path),
                    host: None,
                };
            }
        },
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_tls = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    match port.map_or(Some(80), |port| port.parse().ok()) {
        _ if host != address => Next::Elsewhere,
        _ if is_tls => Next::Tls,
        Some(port) => Next::Here {
            port: Some(port),
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
            host: Some(authority.to_owned()),
        },
        None => Next::Elsewhere,
    }
}

/// The path of a reference without a host, seen from this one.
fn resolve(reference: &str, base: &str) -> String {
    let base = base.split('?').next().unwrap_or_default();
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (reference, String::new()),
    };
    let folder = &base[..base.rfind('/').map_or(0, |at| at + 1)];
    let merged = match path {
        "" => base.to_owned(),
        _ if path.starts_with('/') => path.to_owned(),
        _ => format!("{folder}{path}"),
    };
    let mut segments: Vec<&str> = Vec::new();
    let all: Vec<&str> = merged.split('/').skip(1).collect();
    for (number, segment) in all.iter().enumerate() {
        match *segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
        // A path that ends in dots is that of a folder.
        if number + 1 == all.len() && matches!(*segment, "." | "..") {
            segments.push("");
        }
    }
    format!("/{}{query}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Next, next};

    #[test]
    fn a_redirect_on_the_address_of_the_pod_is_followed_to_its_port_and_path() {
        for (location, port, path, host) in [
            ("login", None, "/app/login", None),
            ("../login?x=1#top", None, "/login?x=1", None),
            (".", None, "/app/", None),
            ("?full", None, "/app/readyz?full", None),
            ("/login", None, "/login", None),
            (
                "http://127.0.0.1:81/login",
                Some(81),
                "/login",
                Some("127.0.0.1:81"),
            ),
            ("//127.0.0.1:81?x", Some(81), "/?x", Some("127.0.0.1:81")),
            ("http://127.0.0.1", Some(80), "/", Some("127.0.0.1")),
        ] {
            let expected = Next::Here {
                port,
                path: path.to_owned(),
                host: host.map(str::to_owned),
            };
            let found = next(location, "/app/readyz?verbose", "127.0.0.1");
            assert_eq!(found, expected, "{location}");
        }
    }

    #[test]
    fn the_address_decides_and_not_the_header_of_the_probe() {
        for location in [
            "http://api.example.com/login",
            "//api.example.com/",
            "http://localhost:8080/",
            "http://[::1]:8080/",
        ] {
            assert_eq!(next(location, "/", "127.0.0.1"), Next::Elsewhere);
        }
        assert_eq!(next("https://127.0.0.1/", "/", "127.0.0.1"), Next::Tls);
    }
}
