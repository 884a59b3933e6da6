//! A WebSocket that sends back what it receives.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use tokio::time::timeout;

use super::App;
use crate::listeners::Place;
use crate::shutdown::Stop;

/// The longest message, in bytes.
const MESSAGE: usize = 64 * 1024;

/// How long a socket may be silent before it is closed. The proxies of `examples/deploy` allow the
/// same.
const IDLE: Duration = Duration::from_secs(3600);

/// How long the peer may take to read a message.
const SENDING: Duration = Duration::from_secs(30);

/// How long the peer may take to answer a close.
const CLOSING: Duration = Duration::from_secs(1);

pub(super) async fn upgrade(
    State(app): State<App>,
    Extension(place): Extension<Place>,
    request: WebSocketUpgrade,
) -> Response {
    request
        .max_message_size(MESSAGE)
        // Otherwise a frame may be larger than a message.
        .max_frame_size(MESSAGE)
        .on_upgrade(async move |socket| {
            echo(socket, app.stop).await;
            // For the listener, the connection ended with the upgrade.
            drop(place);
        })
}

async fn echo(mut socket: WebSocket, mut stop: Stop) {
    loop {
        let received = tokio::select! {
            biased;
            // The peer connects again, to an instance that stays.
            () = stop.begun() => return close(socket, close_code::AWAY).await,
            received = timeout(IDLE, socket.recv()) => received,
        };
        let message = match received {
            Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => message,
            // The library answers pings.
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
            // Reading on sends the answer to the close.
            Ok(Some(Ok(Message::Close(_)))) => continue,
            Ok(Some(Err(_)) | None) => return,
            Err(_) => return close(socket, close_code::NORMAL).await,
        };
        // A peer that reads nothing holds up neither the socket for ever nor the end of the process.
        let sent = tokio::select! {
            biased;
            () = stop.begun() => return close(socket, close_code::AWAY).await,
            sent = timeout(SENDING, socket.send(message)) => sent,
        };
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

async fn close(mut socket: WebSocket, code: u16) {
    let frame = CloseFrame {
        code,
        reason: "".into(),
    };
    let closed = async {
        socket.send(Message::Close(Some(frame))).await?;
        while let Some(message) = socket.recv().await {
            message?;
        }
        Ok::<_, axum::Error>(())
    };
    let _ = timeout(CLOSING, closed).await;
}
