//! `httpGet` of the kubelet: what it sends, and what it makes of the answer.

use std::io;
use std::time::{Duration, Instant};

use super::redirect::{Next, next};
use super::{Request, get, left};

/// What a prober makes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passed.
    Success,
    /// It failed, for this reason.
    Failure(String),
    /// The kubelet discards this result: neither a success nor a failure.
    Unknown(String),
}

/// The address of a pod.
const ADDRESS: &str = "127.0.0.1";

/// Probes as the kubelet does: 200 to 399 passes; a redirect on the address of the pod is followed, and
/// one to another host passes as it is.
pub fn kubelet(port: u16, path: &str, headers: &[(String, String)], timeout: Duration) -> Verdict {
    let (hosts, mut headers): (Vec<_>, Vec<_>) =
        (headers.iter().cloned()).partition(|(name, _)| name.eq_ignore_ascii_case("host"));
    let own = hosts.into_iter().next().map(|(_, host)| host);
    let mut host = own.unwrap_or_else(|| format!("{ADDRESS}:{port}"));
    headers.push(("Accept".to_owned(), "*/*".to_owned()));
    let deadline = Instant::now() + timeout;
    let (mut port, mut path) = (port, path.to_owned());
    for _ in 0..10 {
        let request = Request {
            method: "GET",
            path: &path,
            host: &host,
            agent: Some("kube-probe/1.34"),
            headers: &headers,
        };
        let answer = match left(deadline).and_then(|left| get(port, &request, left)) {
            Ok(answer) => answer,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Verdict::Unknown(error.to_string());
            }
            Err(error) => return Verdict::Failure(error.to_string()),
        };
        match answer.status {
            301 | 302 | 303 | 307 | 308 => {
                let location = answer.header("location");
                match location.map(|location| next(location, &path, ADDRESS)) {
                    Some(Next::Here {
                        port: own,
                        path: new,
                        host: named,
                    }) => {
                        (port, path) = (own.unwrap_or(port), new);
                        host = named.unwrap_or(host);
                    }
                    Some(Next::Tls) => {
                        return Verdict::Failure("the runner speaks no TLS".to_owned());
                    }
                    Some(Next::Elsewhere) | None => return Verdict::Success,
                }
            }
            200..=399 => return Verdict::Success,
            status => return Verdict::Failure(format!("status {status}")),
        }
    }
    Verdict::Failure("10 redirects".to_owned())
}
