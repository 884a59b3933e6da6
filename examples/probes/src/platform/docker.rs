//! Docker, for one container: it runs the health check, and marks the container by it.
//!
//! It does nothing else: an unhealthy container is neither restarted nor taken out of anything.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::image::Image;
use super::pace::{Pace, StopFlag};
use super::process::{End, Process};
use crate::files::healthcheck::{Healthcheck, Test};

/// What `docker inspect` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No run has passed, and the start period is not over.
    Starting,
    /// The latest run passed.
    Healthy,
    /// So many runs in a row have failed.
    Unhealthy,
}

/// A container that runs; or one that runs elsewhere, and is only checked.
#[derive(Debug)]
pub struct Container {
    process: Mutex<Option<Process>>,
    health: Arc<Mutex<Vec<Health>>>,
    stop: StopFlag,
    checker: Option<JoinHandle<()>>,
}

impl Container {
    /// Starts these words, and checks them.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub fn start(
        words: &[String],
        env: &[(String, String)],
        check: Option<&Healthcheck>,
        image: &Image,
        pace: Pace,
    ) -> std::io::Result<Self> {
        let process = image.start(words, env)?;
        Ok(Self::around(Some(process), env, check, image, pace))
    }

    /// Checks what runs already, with the programs and variables of this image.
    pub fn outside(check: Option<&Healthcheck>, image: &Image, pace: Pace) -> Self {
        Self::around(None, &[], check, image, pace)
    }

    fn around(
        process: Option<Process>,
        env: &[(String, String)],
        check: Option<&Healthcheck>,
        image: &Image,
        pace: Pace,
    ) -> Self {
        let health = Arc::new(Mutex::new(vec![Health::Starting]));
        let stop = StopFlag::default();
        let checker = check.filter(|check| check.test != Test::Off).map(|check| {
            let worker = Checker {
                check: check.clone(),
                image: image.clone(),
                env: env.to_vec(),
                pace,
                stop: stop.clone(),
                health: Arc::clone(&health),
            };
            std::thread::spawn(move || worker.run())
        });
        Self {
            process: Mutex::new(process),
            health,
            stop,
            checker,
        }
    }

    /// Its health.
    pub fn health(&self) -> Health {
        self.history().last().copied().unwrap_or(Health::Starting)
    }

    /// Every health that it has had.
    pub fn history(&self) -> Vec<Health> {
        self.health
            .lock()
            .map(|health| health.clone())
            .unwrap_or_default()
    }

    /// Waits until it has this health.
    ///
    /// # Panics
    ///
    /// If it never does.
    pub fn wait_for(&self, health: Health) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while self.health() != health {
            assert!(
                Instant::now() < deadline,
                "never {health:?}: {:?}",
                self.history()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the process runs.
    pub fn is_running(&self) -> bool {
        let mut process = self
            .process
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        process
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    /// `docker stop` with this time: the signal of the image, and SIGKILL after it.
    pub fn stop(mut self, grace: Duration) -> Option<End> {
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        self.finish();
        process.map(|mut process| process.stop(process.stop_signal(), grace))
    }

    fn finish(&mut self) {
        self.stop.set();
        if let Some(checker) = self.checker.take() {
            let _ = checker.join();
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Checker {
    check: Healthcheck,
    image: Image,
    env: Vec<(String, String)>,
    pace: Pace,
    stop: StopFlag,
    health: Arc<Mutex<Vec<Health>>>,
}

impl Checker {
    fn run(&self) {
        let words = match &self.check.test {
            Test::Exec(words) => words.clone(),
            Test::Shell(line) => vec!["/bin/sh".into(), "-c".into(), line.clone()],
            Test::Off => return,
        };
        let begin = Instant::now();
        let mut failures = 0;
        let mut has_passed = false;
        let is_starting = |has_passed: bool| {
            !has_passed && begin.elapsed() < self.pace.scaled(self.check.start_period)
        };
        loop {
            let pause = if is_starting(has_passed) {
                self.check.start_interval
            } else {
                self.check.interval
            };
            if self.stop.pause(self.pace.scaled(pause)) {
                return;
            }
            // The start of a run decides whether its failure counts.
            let is_starting = is_starting(has_passed);
            let code = self.image.run(&words, &self.env, self.check.timeout);
            if self.stop.is_set() {
                return;
            }
            if matches!(code, Ok(Some(0))) {
                (failures, has_passed) = (0, true);
                self.set(Health::Healthy);
            } else if !is_starting {
                failures += 1;
                if failures >= self.check.retries {
                    self.set(Health::Unhealthy);
                }
            }
        }
    }

    fn set(&self, new: Health) {
        if let Ok(mut health) = self.health.lock()
            && health.last() != Some(&new)
        {
            health.push(new);
        }
    }
}
