//! Clients over HTTP/1.1 and HTTP/2 without TLS.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::support::PATIENCE;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    Http1,
    /// With prior knowledge.
    Http2,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of<B: Body<Error: std::fmt::Debug>>(response: Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            code: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    pub(crate) fn seen(&self) -> (u16, &str) {
        (self.code, &self.body)
    }
}

/// Over HTTP/2 its requests share a connection.
pub(crate) fn client(version: Version) -> Client<HttpConnector, Full<Bytes>> {
    let http2 = matches!(version, Version::Http2);
    Client::builder(TokioExecutor::new())
        .http2_only(http2)
        .build_http()
}

/// Sends one request to a path.
pub(crate) async fn ask(address: SocketAddr, version: Version, path: &str) -> Answer {
    let request = Request::get(format!("http://{address}{path}"));
    send(version, request.body(Full::default()).unwrap()).await
}

pub(crate) async fn send(version: Version, request: Request<Full<Bytes>>) -> Answer {
    let response = timeout(PATIENCE, client(version).request(request)).await;
    let response = response.expect("no answer").unwrap();
    timeout(PATIENCE, Answer::of(response))
        .await
        .expect("no end")
}
