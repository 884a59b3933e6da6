//! The first bytes of a connection, which tell its protocol.
//!
//! The server looks at them too, and has no limit of time for that.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::IDLE;
use crate::shutdown::Stop;

/// How a connection of HTTP/2 begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long the bytes may stay a part of the preface, such as the first letter of `POST`.
const DECISION: Duration = Duration::from_secs(10);

/// How long a connection without a byte stays when the stop begins. The bytes of a request may have
/// arrived, and not have been seen yet.
const LAST_LOOK: Duration = Duration::from_millis(500);

/// Reads until the protocol is certain. Returns `None` if the peer is gone, or takes too long.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S, stop: &mut Stop) -> Option<Vec<u8>> {
    let mut bytes = [0; PREFACE.len()];
    let mut length = first(stream, &mut bytes, stop).await?;
    let decided = async {
        while length < PREFACE.len() && PREFACE.starts_with(&bytes[..length]) {
            length += read_some(stream, &mut bytes[length..]).await?;
        }
        Some(())
    };
    timeout(DECISION, decided).await.ok()??;
    Some(bytes[..length].to_vec())
}

async fn first<S: AsyncRead + Unpin>(
    stream: &mut S,
    bytes: &mut [u8],
    stop: &mut Stop,
) -> Option<usize> {
    tokio::select! {
        biased;
        read = timeout(IDLE, read_some(stream, bytes)) => return read.ok()?,
        () = stop.begun() => {}
    }
    timeout(LAST_LOOK, read_some(stream, bytes)).await.ok()?
}

/// Returns `None` at the end of the stream, and after an error.
async fn read_some<S: AsyncRead + Unpin>(stream: &mut S, bytes: &mut [u8]) -> Option<usize> {
    let read = stream.read(bytes).await.ok()?;
    (read > 0).then_some(read)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;
    use crate::shutdown::channel;

    #[tokio::test(start_paused = true)]
    async fn bytes_that_stay_a_part_of_the_preface_end_the_connection() {
        let (_stopper, mut stop) = channel();
        for length in 0..PREFACE.len() {
            let (mut peer, mut stream) = duplex(64);
            peer.write_all(&PREFACE[..length]).await.unwrap();
            assert_eq!(read(&mut stream, &mut stop).await, None, "{length} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_a_byte_now_and_then_gets_no_further_time() {
        let (_stopper, mut stop) = channel();
        let (mut peer, mut stream) = duplex(64);
        let sent = async {
            for byte in PREFACE {
                tokio::time::sleep(Duration::from_secs(1)).await;
                peer.write_all(&[*byte]).await.unwrap();
            }
        };
        let read = read(&mut stream, &mut stop);
        tokio::select! {
            opening = read => assert_eq!(opening, None),
            () = sent => panic!("the whole preface was awaited"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_bytes_are_handed_on_as_soon_as_they_tell_the_protocol() {
        let (stopper, mut stop) = channel();
        for is_stopping in [false, true] {
            for sent in [&PREFACE[..], b"PRJ", b"POST / HTTP/1.1", b"G", b"\0"] {
                let (mut peer, mut stream) = duplex(64);
                peer.write_all(sent).await.unwrap();
                let opening = read(&mut stream, &mut stop).await;
                assert_eq!(opening.as_deref(), Some(sent), "stopping: {is_stopping}");
            }
            stopper.begin();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_are_seen_only_after_the_stop_has_begun_are_read_all_the_same() {
        let (stopper, mut stop) = channel();
        let (mut peer, mut stream) = duplex(64);
        stopper.begin();
        let (opening, ()) = tokio::join!(read(&mut stream, &mut stop), async {
            tokio::task::yield_now().await;
            peer.write_all(b"GET /").await.unwrap();
        });
        assert_eq!(opening.as_deref(), Some(&b"GET /"[..]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_gone_or_silent_ends_the_connection() {
        let (stopper, mut stop) = channel();
        let (peer, mut stream) = duplex(64);
        drop(peer);
        assert_eq!(read(&mut stream, &mut stop).await, None);
        stopper.begin();
        let (_peer, mut stream) = duplex(64);
        assert_eq!(read(&mut stream, &mut stop).await, None);
    }
}
