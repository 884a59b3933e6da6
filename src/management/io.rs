//! A connection that notes when bytes arrive.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::activity::Activity;

pin_project! {
    /// Notes what is read in the activity of the connection.
    pub(super) struct Watched<I> {
        #[pin]
        io: I,
        activity: Arc<Activity>,
        // The latest bytes, as many as can end a head.
        tail: [u8; 3],
    }
}

/// How many bytes are read at once.
const CHUNK: usize = 4096;

impl<I> Watched<I> {
    pub(super) fn new(io: I, activity: Arc<Activity>) -> Self {
        Self {
            io,
            activity,
            tail: [0; 3],
        }
    }
}

impl<I: Read> Read for Watched<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        // The bytes in the buffer itself cannot be looked at without unsafe code.
        let mut chunk = [0; CHUNK];
        let most = buffer.remaining().min(CHUNK);
        let mut read = ReadBuf::new(&mut chunk[..most]);
        ready!(this.io.poll_read(cx, read.unfilled()))?;
        for byte in read.filled() {
            this.tail.rotate_left(1);
            this.tail[2] = *byte;
        }
        buffer.put_slice(read.filled());
        this.activity.received(Instant::now());
        // An empty line ends a head, and a line may end without a carriage return
        // (RFC 9112, section 2.2).
        let ends_head = this.tail.ends_with(b"\n\n") || this.tail == b"\n\r\n";
        this.activity.read_to(ends_head);
        Poll::Ready(Ok(()))
    }
}

impl<I: Write> Write for Watched<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, parts)
    }
}
