//! A race of two futures: the first to finish decides the output.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Resolves with the output of the future that is ready first.
pub(crate) fn race<T, A, B>(one: A, other: B) -> impl Future<Output = T>
where
    A: Future<Output = T>,
    B: Future<Output = T>,
{
    Race { one, other }
}

pin_project! {
    // Not an async function, which would hold each future twice: as an argument, and pinned.
    struct Race<A, B> {
        #[pin]
        one: A,
        #[pin]
        other: B,
    }
}

impl<T, A, B> Future for Race<A, B>
where
    A: Future<Output = T>,
    B: Future<Output = T>,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        match this.one.poll(cx) {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending => this.other.poll(cx),
        }
    }
}
