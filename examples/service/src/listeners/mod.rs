//! A listener of the service: HTTP/1 and HTTP/2, with limits of time and a graceful end.

mod opening;
mod places;
mod spell;

use std::convert::Infallible;
use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
#[cfg(target_os = "linux")]
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tower_service::Service;

pub(crate) use self::places::{Place, Places};
use self::spell::Spell;
use crate::Error;
use crate::config;
use crate::health::bracketed;
use crate::shutdown::Stop;

/// How long a connection may be idle, and the head of a request may take. It is longer than the 60 s
/// after which nginx, and the load balancers of AWS, close an idle connection to an upstream: if this
/// side closed first, a request could meet the close.
const IDLE: Duration = Duration::from_secs(75);

/// How often a connection of HTTP/2 is asked whether its peer is still there.
const PING: Duration = Duration::from_secs(30);

/// How long a peer may read nothing of what was sent to it.
#[cfg(target_os = "linux")]
const UNREAD: Duration = Duration::from_secs(30);

/// The pause after an accept that failed, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// # Errors
///
/// Returns an error that names the listener and its address.
pub(crate) async fn bind(name: &str, settings: &config::Listener) -> Result<TcpListener, Error> {
    let address = format!("{}:{}", bracketed(&settings.host), settings.port);
    let listener = TcpListener::bind(&address).await;
    let listener =
        listener.map_err(|error| format!("{name} cannot listen on {address}: {error}"))?;
    let address: SocketAddr = listener.local_addr()?;
    tracing::info!(listener = name, %address, "listening");
    Ok(listener)
}

/// Accepts connections until the stop begins. Each of them holds a [`Stop`] until it has ended.
pub(crate) async fn serve(listener: TcpListener, app: Router, places: Places, mut stop: Stop) {
    let server = Arc::new(builder());
    let mut failing = Spell::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.begun() => return,
            accepted = accept(&listener, &places, &mut failing) => accepted,
        };
        if let Some((stream, place)) = accepted {
            let connection = converse(
                Arc::clone(&server),
                stream,
                app.clone(),
                place,
                stop.clone(),
            );
            tokio::spawn(connection);
        }
    }
}

/// Serves a connection to its end. When the stop begins, it finishes the requests that were begun.
async fn converse(
    server: Arc<auto::Builder<TokioExecutor>>,
    mut stream: TcpStream,
    app: Router,
    place: Place,
    mut stop: Stop,
) {
    let Some(opening) = opening::read(&mut stream, &mut stop).await else {
        return;
    };
    let (reader, writer) = stream.into_split();
    let stream = tokio::io::join(Cursor::new(opening).chain(reader), writer);
    let service = service_fn(move |mut request: Request<Incoming>| {
        // What outlives the request, such as a WebSocket, keeps the place.
        request.extensions_mut().insert(place.clone());
        let mut app = app.clone();
        async move { Ok::<_, Infallible>(unfailing(app.call(request.map(Body::new)).await)) }
    });
    let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // Peers break off as they please; that is no error of this service.
    tokio::select! {
        biased;
        // First: a connection that is told to end before it has read its request drops that.
        _ = connection.as_mut() => return,
        () = stop.begun() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn unfailing<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING);
    server
}

/// Returns `None` if a connection could not be accepted.
async fn accept(
    listener: &TcpListener,
    places: &Places,
    failing: &mut Spell,
) -> Option<(TcpStream, Place)> {
    let place = places.take().await?;
    match listener.accept().await {
        Ok((stream, _)) => {
            failing.end();
            let _ = stream.set_nodelay(true);
            // The server has no limit of time for writing. Other systems have no such option.
            #[cfg(target_os = "linux")]
            let _ = set_tcp_user_timeout(&stream, UNREAD.as_millis() as u32);
            Some((stream, place))
        }
        // The peer is gone already.
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => None,
        Err(error) => {
            if failing.begins() {
                tracing::warn!(%error, "cannot accept connections");
            }
            sleep(PAUSE).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::shutdown::channel;

    /// Sends this when the stop has begun already. Returns the answer, which may be empty.
    async fn at_the_end(sent: &[&str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let place = Places::new().take().await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (stopper, stop) = channel();
        let app = Router::new().route("/", get(async || "served"));
        peer.write_all(sent[0].as_bytes()).await.unwrap();
        stopper.begin();
        let served = converse(Arc::new(builder()), stream, app, place, stop);
        let answered = async {
            for part in &sent[1..] {
                tokio::task::yield_now().await;
                peer.write_all(part.as_bytes()).await.unwrap();
            }
            let mut answer = String::new();
            peer.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::join!(served, answered).1
    }

    #[tokio::test]
    async fn a_request_that_is_there_when_the_stop_begins_is_answered() {
        let answer = at_the_end(&["GET / HTTP/1.1\r\nhost: a\r\n\r\n"]).await;
        assert!(answer.ends_with("served"), "{answer}");
        let answer = at_the_end(&["G", "ET / HTTP/1.1\r\nhost: a\r\n\r\n"]).await;
        assert!(answer.ends_with("served"), "{answer}");
    }

    #[tokio::test]
    async fn a_connection_without_a_request_ends_when_the_stop_begins() {
        assert_eq!(at_the_end(&[""]).await, "");
    }
}
