//! Connections to the target, directly or by way of a proxy.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::progress::{Progress, Staged, Step};
use super::proxy::{Proxy, tunnel};
use crate::indicators::shared::resolver::Resolver;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connects to the target, or to the proxy and through it.
#[derive(Clone)]
pub(super) struct Connect {
    pub(super) tcp: Staged<HttpConnector<Lookup>>,
    pub(super) proxy: Option<Arc<Proxy>>,
    pub(super) progress: Progress,
}

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(proxy) = self.proxy.clone() else {
            let connecting = self.tcp.call(target);
            return Box::pin(async move {
                Ok(Stream {
                    io: connecting.await?,
                    to_proxy: false,
                })
            });
        };
        let connecting = self.tcp.call(proxy.uri.clone());
        let progress = self.progress.clone();
        Box::pin(async move {
            let mut io = connecting.await?;
            let is_tunnel = target.scheme() == Some(&Scheme::HTTPS);
            if is_tunnel {
                progress.set(Step::Tunnel);
                let host = target.host().unwrap_or_default();
                let port = target.port_u16().unwrap_or(443);
                tunnel(io.inner_mut(), &proxy, &format!("{host}:{port}")).await?;
                progress.set(Step::Handshake);
            }
            Ok(Stream {
                io,
                to_proxy: !is_tunnel,
            })
        })
    }
}

/// A connection that tells the client whether its requests go to a proxy, and so need the whole URL.
pub(super) struct Stream {
    io: TokioIo<TcpStream>,
    to_proxy: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.to_proxy)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }
}

/// The system's resolver. A lookup that hangs blocks at most one thread.
#[derive(Clone)]
pub(super) struct Lookup {
    pub(super) resolver: Resolver,
    pub(super) progress: Progress,
}

impl Service<Name> for Lookup {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { resolver, progress } = self.clone();
        progress.set(Step::Lookup);
        Box::pin(async move {
            let addresses = resolver.lookup(name.as_str(), 0).await?;
            progress.set(Step::Connect);
            Ok(addresses.into_iter())
        })
    }
}
