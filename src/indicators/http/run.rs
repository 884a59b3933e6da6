//! One run: a request, the body of its response, the verdict.

use std::time::Instant;

use http::{HeaderMap, Method, Request, Response, StatusCode};

use super::body::{BodyRead, as_error};
use super::boxed::{BoxError, ResponseBody};
use super::message::{CurrentStep, Statuses, redirect};
use super::target::Target;
use super::{Endpoint, HttpIndicator, error};
use crate::indicators::shared::budget::{Budget, answered_after};
use crate::indicators::shared::config;
use crate::{CheckResult, Failure};

impl HttpIndicator {
    pub(super) async fn run(&self) -> CheckResult {
        config::validated(self)?;
        let endpoint = config::parsed(&self.endpoint)?;
        let begun_at = Instant::now();
        let budget = Budget::start(self.timeout);
        let (head, body) = self.request(&budget, endpoint).await?.into_parts();
        let Endpoint { target, .. } = endpoint;
        let step = format!(
            "{} {target}: answered {}, reading the body",
            self.method, head.status
        );
        let body = budget
            .within(step, BodyRead::up_to(self.body_limit, body))
            .await?;
        self.judge(target, head.status, &head.headers, &body)?;
        Ok(answered_after(begun_at.elapsed()))
    }

    async fn request(
        &self,
        budget: &Budget,
        endpoint: &Endpoint,
    ) -> Result<Response<ResponseBody>, Failure> {
        let mut sent = self.send(budget, endpoint).await?;
        if sent
            .as_ref()
            .is_err_and(|error| error::is_closed_unanswered(as_error(error)))
        {
            sent = self.send(budget, endpoint).await?;
        }
        sent.map_err(|error| {
            let text = error::describe(as_error(&error));
            Failure::new(format!("{}: {text}", self.current_step(endpoint)))
        })
    }

    async fn send(
        &self,
        budget: &Budget,
        endpoint: &Endpoint,
    ) -> Result<Result<Response<ResponseBody>, BoxError>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = endpoint.target.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let step = self.current_step(endpoint);
        budget.within(step, endpoint.client.send(request)).await
    }

    fn current_step<'a>(&'a self, endpoint: &'a Endpoint) -> CurrentStep<'a> {
        let Self { method, .. } = self;
        CurrentStep { method, endpoint }
    }

    fn judge(
        &self,
        target: &Target,
        status: StatusCode,
        headers: &HeaderMap,
        body: &BodyRead,
    ) -> Result<(), Failure> {
        let method: &Method = &self.method;
        let answer = format!("{method} {target}: answered {status}");
        if !self
            .statuses
            .iter()
            .any(|range| range.contains(&status.as_u16()))
        {
            let redirect = redirect(status, headers);
            let expected = Statuses(&self.statuses);
            return Err(Failure::new(format!(
                "{answer}{redirect} instead of {expected}"
            )));
        }
        match (body, &self.predicate) {
            (BodyRead::Broken(length, error), _) => {
                let text = error::describe(as_error(error));
                Err(Failure::new(format!(
                    "{answer}, but the body broke off after {length} bytes: {text}"
                )))
            }
            (BodyRead::TooLong, Some(_)) => {
                let limit = self.body_limit;
                Err(Failure::new(format!(
                    "{answer}, but its body is longer than the limit of {limit} bytes"
                )))
            }
            (BodyRead::Complete(body), Some(predicate)) => predicate(body).map_err(|reason| {
                Failure::new(format!(
                    "{answer}, but its body is not as expected: {reason}"
                ))
            }),
            (BodyRead::TooLong | BodyRead::Complete(_), None) => Ok(()),
        }
    }
}
