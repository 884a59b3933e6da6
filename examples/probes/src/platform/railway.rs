//! Railway: asks a new deployment until it answers 200, moves traffic, and never asks again.

use std::time::{Duration, Instant};

use rustix::process::Signal as Kill;

use super::image::Image;
use super::pace::{Pace, StopFlag};
use super::prober::{self, Request};
use super::process::{End, Process};
use crate::files::railway::Railway;
use crate::words;

/// A deployment that has traffic.
#[derive(Debug)]
pub struct Deployment {
    replicas: Vec<Process>,
    draining: Duration,
    /// How many times the health check was asked.
    pub asked: usize,
}

/// Why a deployment has no traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The command before it ended with this code, or not at all.
    Before(Option<i32>),
    /// It could not be started.
    Start(String),
    /// A replica did not answer 200 in time; this is what it answered last.
    Unhealthy(String),
}

/// Deploys: the commands before, then every replica, each with a `PORT` of its own.
///
/// # Errors
///
/// Why the old deployment keeps the traffic. The new one is gone then.
pub fn deploy(
    railway: &Railway,
    images: &[(Image, u16)],
    pace: Pace,
) -> Result<Deployment, Failed> {
    let start = |error: std::io::Error| Failed::Start(error.to_string());
    for line in &railway.before {
        let Some((image, _)) = images.first() else {
            break;
        };
        let code = image
            .run(&words::split(line), &[], Duration::from_secs(120))
            .map_err(start)?;
        if code != Some(0) {
            return Err(Failed::Before(code));
        }
    }
    let mut replicas = Vec::new();
    for (image, port) in images.iter().take(railway.replicas) {
        let words = match &railway.start {
            Some(line) => words::split(line),
            None => image.entrypoint().to_vec(),
        };
        let image = image.clone().env("PORT", port.to_string());
        replicas.push(image.start(&words, &[]).map_err(start)?);
    }
    let mut asked = 0;
    if let Some(path) = &railway.path {
        for (_, port) in images.iter().take(railway.replicas) {
            asked += healthy(path, *port, railway.timeout, pace)?;
        }
    }
    Ok(Deployment {
        replicas,
        draining: railway.draining,
        asked,
    })
}

/// Asks until it gets a 200; returns how many times.
fn healthy(path: &str, port: u16, timeout: Duration, pace: Pace) -> Result<usize, Failed> {
    let deadline = Instant::now() + pace.scaled(timeout);
    let request = Request {
        method: "GET",
        path,
        host: "healthcheck.railway.app",
        agent: Some("RailwayHealthCheck/1.0"),
        headers: &[],
    };
    let mut asked = 0;
    loop {
        asked += 1;
        let last = match prober::get(port, &request, Duration::from_secs(5)) {
            Ok(answer) if answer.status == 200 => return Ok(asked),
            Ok(answer) => format!("status {}", answer.status),
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(Failed::Unhealthy(last));
        }
        StopFlag::default().pause(pace.scaled(Duration::from_secs(1)));
    }
}

impl Deployment {
    /// Whether every replica runs.
    pub fn is_running(&mut self) -> bool {
        self.replicas
            .iter_mut()
            .all(|replica| replica.ended().is_none())
    }

    /// Removes it, as the next deployment does: SIGTERM, and SIGKILL after `drainingSeconds`.
    pub fn remove(mut self) -> Vec<End> {
        for replica in &mut self.replicas {
            replica.signal(Kill::TERM);
        }
        let deadline = Instant::now() + self.draining;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.replicas
            .iter_mut()
            .map(|replica| replica.finish(left()))
            .collect()
    }
}
