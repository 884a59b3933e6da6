//! One request, the body of its response, and what they say about the server.

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use super::body::{BodyRead, as_error};
use super::boxed::{ResponseBody, Sender};
use super::message::{CurrentStep, Statuses, culprit, redirect};
use super::target::Target;
use super::{HttpIndicator, error};
use crate::indicators::shared::budget::Budget;
use crate::indicators::shared::note::reworded;
use crate::{Failure, Observation};

/// Why a request did not pass.
pub(super) struct Fault {
    pub(super) failure: Failure,
    /// The server closed the connection instead of answering.
    pub(super) is_closed: bool,
    /// A server error, or an answer that broke off: another backend may do better.
    pub(super) is_of_backend: bool,
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            is_closed: false,
            is_of_backend: false,
        }
    }
}

/// A response to judge.
struct Answer<'a> {
    method: &'a Method,
    target: &'a Target,
    sender: &'a dyn Sender,
    status: StatusCode,
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, target, .. } = self;
        write!(f, "{method} {target}: answered {}", self.status)
    }
}

impl HttpIndicator {
    /// Sends the request and judges the response, and then that of the URL to which it leads.
    pub(super) async fn attempt(
        &self,
        budget: &Budget,
        target: &Target,
        sender: &dyn Sender,
    ) -> Result<Observation, Fault> {
        let headers = self.headers.clone();
        let (answer, head, body) = self.fetch(budget, target, sender, headers).await?;
        let seen = self.judge_answer(&answer, &head, &body);
        let seen = seen.map_err(|failure| Fault {
            failure,
            is_closed: false,
            is_of_backend: answer.status.is_server_error() || matches!(body, BodyRead::Broken(..)),
        })?;
        let (Some(follow), BodyRead::Complete(body)) = (&self.follow, &body) else {
            return Ok(seen);
        };
        let mut next = (follow.target)(body).map_err(|reason| unexpected(&answer, &reason))?;
        if target.is_path_hidden() {
            next.hide_path();
        }
        // Another server may be there, and it must not see the credentials of this one.
        let kept = [USER_AGENT, ACCEPT];
        let headers = kept.map(|name| self.headers.get(&name).cloned().map(|value| (name, value)));
        let headers = headers.into_iter().flatten().collect();
        let (answer, head, body) = self.fetch(budget, &next, sender, headers).await?;
        expect_success(&answer, &head)?;
        match body {
            BodyRead::Complete(body) => {
                (follow.judge)(&body).map_err(|reason| unexpected(&answer, &reason))?;
                Ok(seen)
            }
            incomplete => Err(self.incomplete(&answer, &incomplete).into()),
        }
    }

    async fn fetch<'a>(
        &'a self,
        budget: &Budget,
        target: &'a Target,
        sender: &'a dyn Sender,
        headers: HeaderMap,
    ) -> Result<(Answer<'a>, HeaderMap, BodyRead), Fault> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = target.uri.clone();
        *request.headers_mut() = headers;
        let step = CurrentStep {
            method: &self.method,
            target,
            sender,
        };
        let sent = budget.within(&step, sender.send(request)).await?;
        let response: Response<ResponseBody> = sent.map_err(|error| {
            let text = target.censor(&error::describe(as_error(&error)));
            Fault {
                failure: Failure::new(format!("{step}: {text}")),
                is_closed: error::is_closed_unanswered(as_error(&error)),
                is_of_backend: false,
            }
        })?;
        let (head, body) = response.into_parts();
        let answer = Answer {
            method: &self.method,
            target,
            sender,
            status: head.status,
        };
        let step = format!("{answer}, reading the body");
        let is_part_enough = matches!(&self.judge, Some(judge) if judge.is_part_enough);
        let body = match is_part_enough {
            true => {
                budget
                    .within(step, BodyRead::part(self.body_limit, body))
                    .await?
            }
            false => {
                budget
                    .within(step, BodyRead::up_to(self.body_limit, body))
                    .await?
            }
        };
        Ok((answer, head.headers, body))
    }

    fn judge_answer(
        &self,
        answer: &Answer<'_>,
        headers: &HeaderMap,
        body: &BodyRead,
    ) -> Result<Observation, Failure> {
        let status = answer.status;
        let statuses = self.passing();
        let is_expected = |range: &std::ops::RangeInclusive<u16>| range.contains(&status.as_u16());
        if self.judge.is_none() && !statuses.iter().any(is_expected) {
            let redirect = redirect(status, headers);
            let culprit = culprit(status, answer.target, answer.sender);
            let expected = Statuses(statuses);
            return Err(Failure::new(format!(
                "{answer}{redirect}{culprit} instead of {expected}"
            )));
        }
        let named = |seen: Observation| reworded(seen, |text| format!("{answer}: {text}"));
        match (body, &self.judge, &self.predicate) {
            (BodyRead::Complete(body) | BodyRead::Part(body), Some(judge), _) => {
                (judge.function)(status, body).map(named).map_err(|reason| {
                    let culprit = culprit(status, answer.target, answer.sender);
                    with_text(&reason, format!("{answer}{culprit}: {}", reason.output()))
                })
            }
            (BodyRead::Complete(body), None, Some(predicate)) => predicate(body)
                .map(named)
                .map_err(|reason| unexpected(answer, &reason)),
            (BodyRead::TooLong | BodyRead::Complete(_), None, None) => Ok(Observation::pass()),
            (incomplete, _, _) => Err(self.incomplete(answer, incomplete)),
        }
    }

    fn incomplete(&self, answer: &Answer<'_>, body: &BodyRead) -> Failure {
        Failure::new(match body {
            BodyRead::Broken(length, error) => {
                let text = answer.target.censor(&error::describe(as_error(error)));
                format!("{answer}, but the body broke off after {length} bytes: {text}")
            }
            _ => {
                let limit = self.body_limit;
                format!("{answer}, but its body is longer than the limit of {limit} bytes")
            }
        })
    }
}

fn expect_success(answer: &Answer<'_>, headers: &HeaderMap) -> Result<(), Failure> {
    match answer.status.is_success() {
        true => Ok(()),
        false => {
            let redirect = redirect(answer.status, headers);
            let text = format!("{answer}{redirect} instead of 200–299");
            Err(Failure::new(text))
        }
    }
}

fn unexpected(answer: &Answer<'_>, reason: &Failure) -> Failure {
    let text = format!(
        "{answer}, but its body is not as expected: {}",
        reason.output()
    );
    with_text(reason, text)
}

/// The failure with another text and the same readings.
fn with_text(failure: &Failure, text: String) -> Failure {
    let mut named = Failure::new(text);
    for reading in failure.readings() {
        let (value, unit) = (reading.value().clone(), reading.unit().unwrap_or_default());
        named = match reading.measurement() {
            Some(name) => named.measurement(name.to_owned(), value, unit.to_owned()),
            None => named.value(value, unit.to_owned()),
        };
    }
    named
}

/// `12 s`, or `0.4 s` while it is short.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        ..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}
