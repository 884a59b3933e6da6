//! Requests as the probers send them, byte for byte.

use tower_health::Status;

use super::support::{ask, serve};
use crate::support::prober::{FAIL, PASS};

/// The name of the prober, its request to readiness, and whether it reads content.
const PROBERS: [(&str, &str, bool); 18] = [
    (
        "kubelet 1.32",
        "GET /readyz?verbose=1&exclude=redis HTTP/1.1\r\nHost: 127.0.0.1:18090\r\n\
         User-Agent: kube-probe/1.32\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        true,
    ),
    (
        "kubelet, header fields taken away",
        "GET /readyz HTTP/1.1\r\nHost: 10.0.1.7:8080\r\nConnection: close\r\n\r\n",
        true,
    ),
    (
        "HAProxy, option httpchk",
        "OPTIONS /readyz HTTP/1.0\r\n\r\n",
        false,
    ),
    ("HAProxy, httpchk GET", "GET /readyz HTTP/1.0\r\n\r\n", true),
    (
        "HAProxy, httpchk in HTTP/1.1",
        "GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n",
        true,
    ),
    (
        "Envoy",
        "GET /readyz HTTP/1.1\r\nhost: outbound|8080||svc\r\nuser-agent: Envoy/HC\r\n\r\n",
        true,
    ),
    (
        "Varnish",
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        true,
    ),
    (
        "Consul",
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Consul Health Check\r\n\
         Accept: text/plain, text/*, */*\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
        true,
    ),
    (
        "Nomad, with a body",
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
         User-Agent: Nomad/1.9 (+https://developer.hashicorp.com/nomad/; go1.23)\r\n\
         Transfer-Encoding: chunked\r\nAccept-Encoding: gzip\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        true,
    ),
    (
        "check_http",
        "GET /readyz HTTP/1.0\r\nUser-Agent: check_http/v2.3.3 (monitoring-plugins 2.3.3)\r\n\
         Connection: close\r\n\r\n",
        true,
    ),
    (
        "Azure Front Door",
        "HEAD /readyz HTTP/1.1\r\nHost: app.example\r\nUser-Agent: Edge Health Probe\r\n\r\n",
        false,
    ),
    (
        "Azure Application Gateway",
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        true,
    ),
    (
        "AWS load balancers",
        "GET /readyz HTTP/1.1\r\nHost: 10.0.2.3:8080\r\nConnection: close\r\n\
         User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n",
        true,
    ),
    (
        "Google Cloud load balancing",
        "GET /readyz HTTP/1.1\r\nHost: 10.0.2.3\r\nUser-Agent: GoogleHC/1.0\r\n\
         Connection: Keep-alive\r\n\r\n",
        true,
    ),
    (
        "Railway",
        "GET /readyz HTTP/1.1\r\nHost: healthcheck.railway.app\r\n\
         User-Agent: RailwayHealthCheck/1.0\r\n\r\n",
        true,
    ),
    (
        "Caddy and Traefik",
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Go-http-client/1.1\r\n\
         Accept-Encoding: gzip\r\n\r\n",
        true,
    ),
    (
        "blackbox exporter",
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
         User-Agent: Blackbox Exporter/0.23.0\r\nConnection: close\r\n\r\n",
        true,
    ),
    (
        "nginx, with the upgrade field that many set on every request",
        "GET /readyz HTTP/1.1\r\nConnection: upgrade\r\nHost: app.example\r\n\
         X-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n",
        true,
    ),
];

#[tokio::test]
async fn every_prober_gets_its_200() {
    let (_, address) = serve(Status::Pass).await;
    for (prober, request, reads) in PROBERS {
        let answer = ask(address, request).await;
        let body = if reads { PASS } else { "" };
        assert_eq!((answer.code, &*answer.body), (200, body), "{prober}");
    }
}

#[tokio::test]
async fn every_prober_gets_its_503() {
    let (_, address) = serve(Status::Fail).await;
    for (prober, request, reads) in PROBERS {
        let answer = ask(address, request).await;
        let body = if reads { FAIL } else { "" };
        assert_eq!((answer.code, &*answer.body), (503, body), "{prober}");
    }
}

// A kubelet makes up to three attempts when the connection fails, never on a code: each answer
// must be whole. It reads 10 KiB of it at most.
#[tokio::test]
async fn answers_are_whole_and_small() {
    let (_, address) = serve(Status::Fail).await;
    let answer = ask(address, PROBERS[0].1).await;
    assert_eq!(answer.field("content-length"), Some("17"));
    assert_eq!(answer.field("transfer-encoding"), None);
}
