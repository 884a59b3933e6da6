//! What an application can change, and what is wrong with it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::StatusCode;

use super::PassiveIndicator;
use super::call::Recorder;
use super::window::Window;
use crate::indicators::shared::config;

/// The range of a window.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60 * 60);

impl PassiveIndicator {
    /// Sets for how long a request counts, from 1 s to an hour. Default: 30 s.
    ///
    /// It is precise to a tenth: a request counts for nine to ten tenths of the window. A shorter
    /// window forgets a fault sooner, and needs more traffic. Clones count in one window, so set it
    /// before `clone()`; what is judged may differ between them.
    pub fn window(mut self, window: Duration) -> Self {
        if self.recorder.window.is_in_use.load(Relaxed) {
            self.late("window");
            return self;
        }
        // The slots of a ring depend on its length, so those who share one cannot change it.
        let own = Arc::get_mut(&mut self.recorder);
        match own.and_then(|recorder| Arc::get_mut(&mut recorder.window)) {
            Some(own) => *own = Window::new(window),
            None => {
                let fault = "window was set after clone(): clones count in one window";
                self.faults.push(fault.to_owned());
            }
        }
        self
    }

    /// Sets the time to the head of an answer above which a request is slow. Default: 1 s.
    ///
    /// A request that waits for longer, or is dropped after longer, counts as unanswered. So choose a
    /// time that no healthy answer takes, and one below the timeouts outside the layer: a request that
    /// these end sooner only warns. For requests that may take any time there is
    /// [`PassiveLayer::streams`](super::PassiveLayer::streams). It is above 0 and at most half of the
    /// window.
    pub fn slow_above(mut self, time: Duration) -> Self {
        self.change("slow_above").slow_above = time;
        self
    }

    /// Sets the number of requests in the window below which the check does not fail. Default: 20.
    ///
    /// It must be above 0.
    pub fn min_requests(mut self, requests: u32) -> Self {
        self.min_requests = requests;
        self
    }

    /// Warns if more than this percentage of the requests failed, or was slow. Default: 10.
    ///
    /// It must be above 0 and at most `fail_above`. Of 100 percent nothing is above.
    pub fn warn_above(mut self, percent: f64) -> Self {
        self.limits.warn = Some(percent);
        self
    }

    /// Fails if more than this percentage of the requests failed. Default: 50.
    ///
    /// It must be above 0 and at most 100, above which is nothing: the check then never fails.
    pub fn fail_above(mut self, percent: f64) -> Self {
        self.limits.fail = Some(percent);
        self
    }

    /// Sets which statuses of HTTP are errors of the dependency. Default: 500–599.
    ///
    /// A 429 is none by default: the dependency is well enough to count your requests.
    pub fn http_failure(
        mut self,
        is_failure: impl Fn(StatusCode) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.change("http_failure").http_failure = Arc::new(is_failure);
        self
    }

    /// Sets which codes of gRPC are errors of the dependency. Default: 2, 4, 12, 13, 14 and 15.
    ///
    /// A code that is not a number counts as 2 (UNKNOWN), and so does a response without one.
    pub fn grpc_failure(
        mut self,
        is_failure: impl Fn(u16) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.change("grpc_failure").grpc_failure = Arc::new(is_failure);
        self
    }

    pub(super) fn wrong_settings(&self) -> Option<String> {
        let slow_above = self.recorder.slow_above;
        let length = self.recorder.window.length();
        let window = (!(SHORTEST..=LONGEST).contains(&length))
            .then(|| format!("window must be from 1 s to 3600 s, not {length:?}"));
        let slow = (slow_above.is_zero() || slow_above > length / 2).then(|| {
            format!("slow_above must be above 0 and at most half of the window, not {slow_above:?}")
        });
        let requests =
            (self.min_requests == 0).then(|| "min_requests must be above 0, not 0".to_owned());
        let order = self.faults.iter().cloned().map(Some);
        let faults = [window, slow, requests, self.limits.config_error()];
        config::join(faults.into_iter().chain(order))
    }

    /// Returns the settings of calls, to change one of them.
    fn change(&mut self, setter: &'static str) -> &mut Recorder {
        if self.recorder.window.is_in_use.load(Relaxed) {
            self.late(setter);
        }
        Arc::make_mut(&mut self.recorder)
    }

    fn late(&mut self, setter: &'static str) {
        self.faults.push(format!(
            "{setter} was set after layer() or call(), which has the old setting"
        ));
    }
}
