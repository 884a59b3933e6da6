//! Which names a caller may use for the port: the defence against DNS rebinding.
//!
//! A page in a browser can make its own name resolve to a loopback address, and then read what the
//! port answers as if it were its own server. The browser still sends that name, so a request under a
//! name that is not known gets no details.

use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{Request, Uri};

/// The hosts of requests that may see details.
#[derive(Clone, Debug)]
pub(super) enum Hosts {
    /// Loopback addresses, `localhost`, the address that the client connected to, and these names in
    /// lower case.
    Known(Vec<String>),
    Any,
}

impl Hosts {
    /// Adds a name or an address. `Err` says what is wrong with it.
    pub(super) fn add(&mut self, host: &str) -> Result<(), String> {
        let fault = |fault| Err(format!("allowed host {host:?}: {fault}"));
        // An address of version 6 may stand without brackets here.
        let text = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => host.to_owned(),
        };
        let Ok(authority) = text.parse::<Authority>() else {
            return fault("it is not a host name");
        };
        if authority.host() != text {
            return fault("it must be a name or an address, without port or user");
        }
        if let Self::Known(names) = self {
            names.push(normal(authority.host()));
        }
        Ok(())
    }

    /// Returns whether every host that the request names is known. `own` is the address that the
    /// client connected to, if the server knows it.
    pub(super) fn allow<B>(&self, request: &Request<B>, own: Option<IpAddr>) -> bool {
        let Self::Known(names) = self else {
            return true;
        };
        let is_known = |authority: &Authority| {
            // No browser sends a user, and what follows it would be the host.
            !authority.as_str().contains('@') && is_known(names, authority.host(), own)
        };
        // `:authority` in HTTP/2, and a proxy's target in HTTP/1, which the field must agree with.
        let target = Uri::authority(request.uri());
        let mut fields = request.headers().get_all(HOST).iter();
        let field = match (fields.next(), fields.next()) {
            (None, _) => None,
            (Some(field), None) => match Authority::try_from(field.as_bytes()) {
                Ok(authority) => Some(authority),
                Err(_) => return false,
            },
            (Some(_), Some(_)) => return false,
        };
        let named = target.is_some() || field.is_some();
        named && target.is_none_or(is_known) && field.as_ref().is_none_or(is_known)
    }
}

fn is_known(names: &[String], host: &str, own: Option<IpAddr>) -> bool {
    let host = normal(host);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address
        .parse::<IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(address) if address.is_loopback() => true,
        Ok(address) if own.is_some_and(|own| own.to_canonical() == address) => true,
        _ => host == "localhost" || names.contains(&host),
    }
}

/// In lower case, and without the dot of a fully qualified name.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).expect("a request")
    }

    #[test]
    fn only_known_hosts_are_allowed() {
        let own = Some("10.0.0.7".parse().expect("an address"));
        let mut known = Hosts::Known(Vec::new());
        known.add("Ops.Example").expect("a name");
        known.add("fd00::1").expect("an address");
        let cases: [(&str, &[&str], bool); 32] = [
            ("/", &["localhost"], true),
            ("/", &["localhost:9000"], true),
            ("/", &["LOCALHOST.:9000"], true),
            ("/", &["127.0.0.1"], true),
            ("/", &["127.9.9.9:80"], true),
            ("/", &["[::1]:9000"], true),
            ("/", &["[::ffff:127.0.0.1]"], true),
            ("/", &["10.0.0.7:9000"], true),
            ("/", &["ops.example:1"], true),
            ("/", &["ops.example."], true),
            ("/", &["[fd00::1]:80"], true),
            ("http://localhost:9000/", &[], true),
            ("http://localhost/", &["localhost"], true),
            ("/", &[], false),
            ("/", &[""], false),
            ("/", &["attacker.example"], false),
            ("/", &["localhost.attacker.example"], false),
            ("/", &["127.0.0.1.attacker.example"], false),
            ("/", &["attacker.example:9000"], false),
            ("/", &["xlocalhost"], false),
            ("/", &["0.0.0.0:9000"], false),
            ("/", &["[::]"], false),
            ("/", &["10.0.0.8"], false),
            ("/", &["localhost@attacker.example"], false),
            ("/", &["attacker.example@localhost"], false),
            ("/", &["localhost", "attacker.example"], false),
            ("/", &["localhost", "localhost"], false),
            ("/", &["localhost/x"], false),
            ("http://localhost/", &["attacker.example"], false),
            ("http://attacker.example/", &["localhost"], false),
            ("http://attacker.example/", &[], false),
            ("/", &["2130706433"], false),
        ];
        for (target, hosts, expected) in cases {
            let request = request(target, hosts);
            assert_eq!(known.allow(&request, own), expected, "{target} {hosts:?}");
            assert!(Hosts::Any.allow(&request, None), "{target} {hosts:?}");
        }
    }

    #[test]
    fn a_host_with_a_port_or_a_user_cannot_be_added() {
        for host in ["", "a:80", "u@a", "a/b", "two words", "[::1]:80"] {
            assert!(Hosts::Known(Vec::new()).add(host).is_err(), "{host:?}");
        }
    }
}
