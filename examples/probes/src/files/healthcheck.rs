//! `HEALTHCHECK` of a Dockerfile, and `healthcheck` of a compose file.

use std::time::Duration;

/// A health check of Docker, with its defaults filled in.
#[derive(Clone, Debug)]
pub struct Healthcheck {
    /// Where it begins.
    pub line: usize,
    /// What is run.
    pub test: Test,
    /// 30 s by default.
    pub interval: Duration,
    /// 30 s by default.
    pub timeout: Duration,
    /// Time in which failures do not count; 0 by default.
    pub start_period: Duration,
    /// Interval within the start period; 5 s by default.
    pub start_interval: Duration,
    /// Failures in a row that make it unhealthy; 3 by default.
    pub retries: u32,
}

/// What a compose file says of a health check; the rest comes from the image.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Where it begins.
    pub line: usize,
    /// What is run.
    pub test: Option<Test>,
    /// `interval`.
    pub interval: Option<Duration>,
    /// `timeout`.
    pub timeout: Option<Duration>,
    /// `start_period`.
    pub start_period: Option<Duration>,
    /// `start_interval`.
    pub start_interval: Option<Duration>,
    /// `retries`; `None` for 0 too, which Docker takes for nothing.
    pub retries: Option<u32>,
}

/// The command of a health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// A program and its arguments.
    Exec(Vec<String>),
    /// A line for `/bin/sh -c`.
    Shell(String),
    /// The check of the image is switched off.
    Off,
}

impl Default for Healthcheck {
    fn default() -> Self {
        Self {
            line: 0,
            test: Test::Off,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            start_period: Duration::ZERO,
            start_interval: Duration::from_secs(5),
            retries: 3,
        }
    }
}

impl Written {
    /// The check that holds: what is not written comes from the image, and then from Docker.
    pub fn over(&self, image: Option<&Healthcheck>) -> Healthcheck {
        let image = image.cloned().unwrap_or_default();
        Healthcheck {
            line: self.line,
            test: self.test.clone().unwrap_or(image.test),
            interval: self.interval.unwrap_or(image.interval),
            timeout: self.timeout.unwrap_or(image.timeout),
            start_period: self.start_period.unwrap_or(image.start_period),
            start_interval: self.start_interval.unwrap_or(image.start_interval),
            retries: self.retries.unwrap_or(image.retries),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Healthcheck, Test, Written};

    #[test]
    fn what_a_compose_file_leaves_out_comes_from_the_image_and_then_from_docker() {
        let second = Duration::from_secs(1);
        let image = Healthcheck {
            line: 7,
            test: Test::Exec(vec!["a".into()]),
            start_period: 90 * second,
            ..Healthcheck::default()
        };
        let written = Written {
            line: 3,
            test: Some(Test::Exec(vec!["b".into()])),
            interval: Some(5 * second),
            ..Written::default()
        };
        let both = written.over(Some(&image));
        assert_eq!((both.line, both.test), (3, Test::Exec(vec!["b".into()])));
        assert_eq!(
            (both.interval, both.start_period),
            (5 * second, 90 * second)
        );
        assert_eq!(Written::default().over(Some(&image)).test, image.test);
        assert_eq!(written.over(None).start_period, Duration::ZERO);
        assert_eq!(written.over(None).retries, 3);
    }
}
