//! What the layer has to do with the service below, told as simply as possible; the layer itself
//! runs beside it and must agree after every step.

use std::task::Poll;

use proptest::prelude::*;
use tower::{Layer, Service};
use tower_health::{HealthService, ResponseFuture};

use super::strict::{Says, Strict, World};
use super::support::{Body, Polled, get, probes_answer_at_once};
use crate::support::layer;

/// Something a server, its clients, or the service below does. Numbers choose among what there is.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Request(usize),
    Probe(usize),
    Clone(usize),
    DropService(usize),
    Poll(usize),
    DropRequest(usize),
    Say(Says),
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..8_usize;
    let says = prop_oneof![
        3 => Just(Says::Ready),
        3 => Just(Says::Pending),
        1 => Just(Says::Broken),
    ];
    let step = prop_oneof![
        4 => which.clone().prop_map(Step::Request),
        3 => which.clone().prop_map(Step::Probe),
        1 => which.clone().prop_map(Step::Clone),
        1 => which.clone().prop_map(Step::DropService),
        5 => which.clone().prop_map(Step::Poll),
        2 => which.prop_map(Step::DropRequest),
        3 => says.prop_map(Step::Say),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Where a request must be by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// It waits for its turn, and its task is to be woken if it was polled.
    Waiting {
        polled: bool,
    },
    Called {
        polled: bool,
    },
    /// The service below was broken when it came.
    Failed,
}

struct Request {
    path: String,
    at: At,
    future: Polled<ResponseFuture<Strict, Body, tower_health::EitherBody>>,
}

pub(crate) struct Run {
    world: World,
    says: Says,
    services: Vec<HealthService<Strict>>,
    requests: Vec<Request>,
    asked: usize,
    served: Vec<String>,
    failed: usize,
}

impl Run {
    pub(crate) fn new() -> Self {
        let (inner, world) = Strict::new();
        Self {
            world,
            says: Says::Ready,
            services: vec![layer().layer(inner)],
            requests: Vec::new(),
            asked: 0,
            served: Vec::new(),
            failed: 0,
        }
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match *step {
            Step::Request(which) => self.request(which),
            Step::Probe(which) => self.probe(which),
            Step::Clone(which) => {
                let service = self.service(which).clone();
                self.services.push(service);
            }
            // The last one stays: a service has to take the requests.
            Step::DropService(which) => {
                if self.services.len() > 1 {
                    let which = which % self.services.len();
                    self.services.remove(which);
                }
            }
            Step::Poll(which) => {
                if !self.requests.is_empty() {
                    self.poll(which % self.requests.len());
                }
            }
            Step::DropRequest(which) => {
                if !self.requests.is_empty() {
                    let which = which % self.requests.len();
                    self.requests.remove(which);
                }
            }
            Step::Say(says) => self.say(says),
        }
        self.agrees();
    }

    /// Lets every request in, and sees each one that is left to its end.
    pub(crate) fn finish(mut self) {
        self.take(&Step::Say(Says::Ready));
        while !self.requests.is_empty() {
            self.take(&Step::Poll(0));
        }
    }

    fn service(&mut self, which: usize) -> &mut HealthService<Strict> {
        let count = self.services.len();
        &mut self.services[which % count]
    }

    fn request(&mut self, which: usize) {
        self.asked += 1;
        let path = format!("/{}", self.asked);
        let future = Polled::new(self.service(which).call(get(&path)));
        let at = match self.says {
            Says::Ready => {
                self.served.push(path.clone());
                At::Called { polled: false }
            }
            Says::Pending => At::Waiting { polled: false },
            Says::Broken => {
                self.failed += 1;
                At::Failed
            }
        };
        self.requests.push(Request { path, at, future });
    }

    fn probe(&mut self, which: usize) {
        let before = self.world.touched();
        probes_answer_at_once(self.service(which));
        assert_eq!(self.world.touched(), before, "a probe touched the service");
    }

    fn poll(&mut self, which: usize) {
        let request = &mut self.requests[which];
        let polled = request.future.poll();
        let next = match (request.at, self.says) {
            (At::Waiting { .. }, Says::Pending) => Some(At::Waiting { polled: true }),
            (At::Waiting { .. }, Says::Ready) => {
                self.served.push(request.path.clone());
                Some(At::Called { polled: true })
            }
            (At::Called { polled: false }, _) => Some(At::Called { polled: true }),
            (At::Called { polled: true }, _) => {
                assert!(matches!(&polled, Poll::Ready(Ok(answer)) if answer.status() == 200));
                None
            }
            (At::Waiting { .. }, Says::Broken) => {
                self.failed += 1;
                assert!(matches!(polled, Poll::Ready(Err(_))));
                None
            }
            (At::Failed, _) => {
                assert!(matches!(polled, Poll::Ready(Err(_))));
                None
            }
        };
        match next {
            Some(at) => {
                assert!(polled.is_pending());
                request.at = at;
            }
            None => drop(self.requests.remove(which)),
        }
    }

    fn say(&mut self, says: Says) {
        self.says = says;
        self.world.say(says);
        if says == Says::Pending {
            return;
        }
        for request in &self.requests {
            if request.at == (At::Waiting { polled: true }) {
                assert!(request.future.is_woken(), "{} is not woken", request.path);
            }
        }
    }

    fn agrees(&self) {
        let waits = |request: &&Request| matches!(request.at, At::Waiting { .. });
        let waiting = self.requests.iter().filter(waits).count();
        let served: Vec<_> = self
            .world
            .served()
            .into_iter()
            .map(|(_, path)| path)
            .collect();
        assert_eq!(served, self.served);
        assert_eq!(self.world.failed().len(), self.failed);
        assert!(self.world.holding().is_empty(), "somebody keeps a permit");
        assert_eq!(self.world.queued().len(), waiting, "places in the queue");
        let needed = self.services.len() + waiting;
        assert_eq!(self.world.alive().len(), needed, "instances");
    }
}
