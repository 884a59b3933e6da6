//! The `grpc.health.v1` face while its feature is off: the same names with nothing behind them, so
//! that nobody else has to ask which features there are.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http::response::Parts;
use http_body::Frame;

use crate::config::HealthConfig;
use crate::error::Problem;
use crate::health::Health;
use crate::layer::{Details, Sieve};
use crate::published::Published;

#[derive(Debug, Default)]
pub(crate) struct Face {}

impl Face {
    /// It is off.
    pub(crate) fn turn_off(&mut self) {}

    pub(crate) fn problem(&self) -> Option<Problem> {
        None
    }

    pub(crate) fn sieve(&self) -> Sieve {
        Sieve::default()
    }

    #[inline]
    pub(crate) fn rpc(&self, _: &str) -> Option<Rpc> {
        None
    }

    pub(crate) fn open<B>(&self, rpc: Rpc, _: &Request<B>, _: &Details) -> Opening {
        match rpc.0 {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rpc(Infallible);

#[expect(dead_code, reason = "nobody can make one")]
pub(crate) enum Opening {
    Answered(GrpcAnswer),
    Reads(Pending),
}

#[derive(Clone, Copy)]
pub(crate) struct Pending(Infallible);

#[derive(Debug)]
pub(crate) struct GrpcAnswer(Infallible);

impl GrpcAnswer {
    pub(crate) fn into_parts(self) -> (Parts, Option<GrpcBody>) {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) enum GrpcBody {}

impl GrpcBody {
    pub(crate) fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        match *self {}
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        match *self {}
    }
}

pub(crate) struct Call<B>(Infallible, PhantomData<fn() -> B>);

impl<B> Call<B> {
    pub(crate) fn new(pending: Pending, _: B, _: Health) -> Self {
        match pending.0 {}
    }
}

impl<B> Future for Call<B> {
    type Output = GrpcAnswer;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<GrpcAnswer> {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct Services;

impl Services {
    pub(crate) fn new(_: &HealthConfig) -> Self {
        Self
    }

    pub(crate) fn are_checks_watched(&self) -> bool {
        false
    }
}

pub(crate) type Serving = ();

impl Published {
    pub(crate) fn all_serving(&self) -> Serving {}
}

pub(crate) fn validate_service(_: &str) -> Result<(), Problem> {
    Ok(())
}
