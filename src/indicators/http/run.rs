//! One run: a request, the body of its answer, a verdict.

use std::time::Instant;

use http::{HeaderMap, Request, Response, StatusCode};

use super::body::{Read, as_error};
use super::boxed::{BoxError, ResponseBody};
use super::message::{CurrentStep, Statuses, redirect};
use super::{HttpIndicator, error};
use crate::indicators::shared::budget::{Budget, answered_after};
use crate::{CheckResult, Failure};

impl HttpIndicator {
    pub(super) async fn run(&self) -> CheckResult {
        let begun_at = Instant::now();
        let budget = Budget::start(self.timeout);
        let (head, body) = self.ask(&budget).await?.into_parts();
        let Self { method, target, .. } = self;
        let step = format!(
            "{method} {target}: answered {}, reading the body",
            head.status
        );
        let body = budget
            .within(step, Read::up_to(self.body_limit, body))
            .await?;
        self.judge(head.status, &head.headers, &body)?;
        Ok(answered_after(begun_at.elapsed()))
    }

    async fn ask(&self, budget: &Budget) -> Result<Response<ResponseBody>, Failure> {
        let mut sent = self.send(budget).await?;
        if sent
            .as_ref()
            .is_err_and(|error| error::is_closed_unanswered(as_error(error)))
        {
            sent = self.send(budget).await?;
        }
        sent.map_err(|error| {
            let text = error::describe(as_error(&error));
            Failure::new(format!("{}: {text}", CurrentStep(self)))
        })
    }

    async fn send(
        &self,
        budget: &Budget,
    ) -> Result<Result<Response<ResponseBody>, BoxError>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.uri.clone();
        *request.headers_mut() = self.headers.clone();
        budget
            .within(CurrentStep(self), self.client.send(request))
            .await
    }

    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &Read) -> Result<(), Failure> {
        let Self { method, target, .. } = self;
        let answer = format!("{method} {target}: answered {status}");
        if !self
            .statuses
            .iter()
            .any(|range| range.contains(&status.as_u16()))
        {
            let redirect = redirect(status, headers);
            let wanted = Statuses(&self.statuses);
            return Err(Failure::new(format!(
                "{answer}{redirect} instead of {wanted}"
            )));
        }
        match (body, &self.predicate) {
            (Read::Broken(length, error), _) => {
                let text = error::describe(as_error(error));
                let text = format!("{answer}, but the body broke off after {length} bytes: {text}");
                Err(Failure::new(text))
            }
            (Read::Longer, Some(_)) => {
                let limit = self.body_limit;
                let text =
                    format!("{answer}, but its body is longer than the limit of {limit} bytes");
                Err(Failure::new(text))
            }
            (Read::Whole(body), Some(predicate)) => predicate(body).map_err(|reason| {
                Failure::new(format!(
                    "{answer}, but its body is not as expected: {reason}"
                ))
            }),
            (Read::Longer | Read::Whole(_), None) => Ok(()),
        }
    }
}
