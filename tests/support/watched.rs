//! A service behind the layer, as probers see it while a dependency fails and recovers.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_health::{
    Cause, Check, CheckState, Criticality, Health, HealthLayer, Observation, Probe, Status,
    Transitions, indicator_fn,
};

use super::prober::get;
use super::wait::PATIENCE;

/// Beside the indicator under test there is always a check that nothing disturbs.
const BYSTANDER: &str = "bystander";

pub(crate) struct Watched {
    pub(crate) health: Health,
    name: String,
}

impl Watched {
    /// Checks it four times a second, as a critical check.
    pub(crate) fn start(name: &str, indicator: impl tower_health::HealthIndicator) -> Self {
        let check = Check::new(indicator)
            .ttl(Duration::from_millis(250))
            .criticality(Criticality::Critical);
        Self::start_check(name, check)
    }

    /// `name` is that of the check, which keeps the settings it has.
    pub(crate) fn start_check(name: &str, check: impl Into<Check>) -> Self {
        let bystander = indicator_fn(BYSTANDER, async || Ok::<_, Infallible>(Observation::pass()));
        let health = Health::builder()
            .readiness(check)
            .readiness(Check::new(bystander).ttl(Duration::from_millis(250)))
            .start()
            .unwrap();
        Self {
            health,
            name: name.to_owned(),
        }
    }

    /// What is published of the check under test.
    pub(crate) fn state(&self) -> CheckState {
        self.check(&self.name)
    }

    /// Waits until the check has this status, and returns the text that it then has.
    ///
    /// Meanwhile and afterwards liveness passes and the bystander is not disturbed, and readiness
    /// says what the check says.
    pub(crate) async fn turns(&self, status: Status) -> String {
        self.turns_with(status, "").await
    }

    /// Waits until the check has this status, because of a run, and a text that contains `part`.
    ///
    /// On a busy machine the failure of a run may be excused, and the result before it expire until
    /// the next run has failed too.
    pub(crate) async fn turns_with(&self, status: Status, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::new();
        while Instant::now() < deadline {
            assert_eq!(self.probe(Probe::Liveness).await, 200, "/livez");
            let state = self.state();
            let output = state.output().unwrap_or_default().to_owned();
            let is_checked = state.time().is_some() && self.check(BYSTANDER).time().is_some();
            let is_of_a_run = state.cause().is_none_or(|cause| cause == Cause::Failed);
            if is_checked && is_of_a_run && state.status() == status && output.contains(part) {
                // The code is that of a snapshot which may be younger than the state above.
                let code = self.probe(Probe::Readiness).await;
                if code == if status == Status::Fail { 503 } else { 200 } {
                    self.assert_bystander_passes();
                    return output;
                }
            }
            last = format!("{}: {output}", state.status());
            sleep(Duration::from_millis(5)).await;
        }
        panic!(
            "{} never was {status} with {part:?}; at last {last}",
            self.name
        );
    }

    /// Waits until the check changes to this status, with a text that contains `part`, however
    /// short it stays there: `transitions` was subscribed to before that.
    pub(crate) async fn changes(&self, transitions: &mut Transitions, status: Status, part: &str) {
        let changed = async {
            loop {
                let change = transitions.next().await.expect("the health is alive");
                let is_its_own = change.subject.to_string().contains(&self.name);
                let output = change.output.unwrap_or_default();
                if is_its_own && change.to == status && output.contains(part) {
                    break;
                }
            }
        };
        let what = format!("{} never changed to {status} with {part:?}", self.name);
        tokio::time::timeout(PATIENCE, changed).await.expect(&what);
        assert_eq!(self.probe(Probe::Liveness).await, 200, "/livez");
        self.assert_bystander_passes();
    }

    /// The text of the failure to come, which names no secret.
    pub(crate) async fn fails(&self) -> String {
        self.turns(Status::Fail).await
    }

    pub(crate) async fn passes(&self) {
        self.turns(Status::Pass).await;
    }

    /// Waits for this many further runs of the check.
    pub(crate) async fn runs(&self, count: usize) {
        let mut last = self.state().time();
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        while seen < count {
            assert!(Instant::now() < deadline, "{} runs no more", self.name);
            sleep(Duration::from_millis(5)).await;
            let time = self.state().time();
            if time != last {
                last = time;
                seen += 1;
            }
        }
    }

    /// The status code that an anonymous prober gets.
    pub(crate) async fn probe(&self, probe: Probe) -> u16 {
        let layer = HealthLayer::new(self.health.clone());
        let (code, body) = get(&layer, probe.default_path()).await;
        assert!(body.starts_with(r#"{"status":""#), "{body:?}");
        code
    }

    fn assert_bystander_passes(&self) {
        let bystander = self.check(BYSTANDER);
        assert_eq!(bystander.status(), Status::Pass, "{bystander:?}");
    }

    fn check(&self, name: &str) -> CheckState {
        let snapshot = self.health.snapshot();
        let mut checks = snapshot.checks(Probe::Readiness);
        let check = checks.find(|check| check.name() == name);
        check.unwrap_or_else(|| panic!("no check {name}")).clone()
    }
}

/// The error of `start()` for a misconfigured indicator. A run fails with the same fault.
pub(crate) fn refused(indicator: impl tower_health::HealthIndicator) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let failure = runtime.block_on(indicator.check()).unwrap_err();
    let builder = Health::builder().readiness(indicator);
    let error = builder.start_on(runtime.handle()).unwrap_err();
    assert!(error.is_option(), "{error}");
    let text = error.to_string();
    let (_, fault) = text.split_once(": ").unwrap();
    assert_eq!(
        failure.output(),
        format!("the indicator is misconfigured: {fault}")
    );
    text
}
