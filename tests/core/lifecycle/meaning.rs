//! The table of what each probe means, cell by cell.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use tower_health::{Criticality, Health, Probe, Status};

use super::support::{answer, probes};
use crate::support::{Dial, lapse, secs, settle, steady};

const PASS: (u16, Status) = (200, Status::Pass);
const WARN: (u16, Status) = (200, Status::Warn);
const FAIL: (u16, Status) = (503, Status::Fail);

/// A service in some situation, and what has to stay alive for it to last.
type Situation = Pin<Box<dyn Future<Output = (Health, Box<dyn Any>)>>>;

/// Name, situation, and what `/livez`, `/readyz` and `/startupz` answer in it.
type Row = (&'static str, Situation, [(u16, Status); 3]);

fn of<T: 'static>(situation: impl Future<Output = (Health, T)> + 'static) -> Situation {
    Box::pin(async {
        let (health, kept) = situation.await;
        (health, Box::new(kept) as Box<dyn Any>)
    })
}

async fn dependency(status: Status, criticality: Criticality) -> (Health, ()) {
    let check = Dial::at(status).check("db").criticality(criticality);
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    (health, ())
}

/// A check that no prober polled for ten minutes, and which rested meanwhile.
async fn forgotten(criticality: Criticality) -> (Health, ()) {
    let check = Dial::at(Status::Pass)
        .check("db")
        .criticality(criticality)
        .while_probed(secs(1));
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    lapse(secs(600)).await;
    (health, ())
}

async fn startup_dependency(status: Status, criticality: Criticality) -> (Health, ()) {
    let check = Dial::at(status).check("schema").criticality(criticality);
    let health = steady().startup(check).start().unwrap();
    settle().await;
    (health, ())
}

#[tokio::test(start_paused = true)]
async fn each_probe_means_what_the_table_says() {
    use Criticality::{Critical, NonCritical};
    use Status::{Fail, Pass, Warn};

    let table: Vec<Row> = vec![
        (
            "nothing registered",
            of(async { (steady().start().unwrap(), ()) }),
            [PASS, PASS, PASS],
        ),
        (
            "a readiness check that has not run",
            of(async {
                (
                    steady()
                        .readiness(Dial::at(Pass).check("db"))
                        .start()
                        .unwrap(),
                    (),
                )
            }),
            [PASS, FAIL, PASS],
        ),
        (
            "a non-critical readiness check that has not run",
            of(async {
                let check = Dial::at(Pass).check("cache").criticality(NonCritical);
                (steady().readiness(check).start().unwrap(), ())
            }),
            [PASS, WARN, PASS],
        ),
        (
            "a startup check that has not run",
            of(async {
                (
                    steady()
                        .startup(Dial::at(Pass).check("schema"))
                        .start()
                        .unwrap(),
                    (),
                )
            }),
            [PASS, FAIL, FAIL],
        ),
        (
            "an open gate",
            of(async {
                let health = steady().gate("migrations").start().unwrap();
                let gate = health.gate("migrations").unwrap();
                (health, gate)
            }),
            [PASS, FAIL, FAIL],
        ),
        (
            "an open gate, and a dependency that passes",
            of(async {
                let check = Dial::at(Pass).check("db");
                let health = steady().readiness(check).gate("g").start().unwrap();
                let gate = health.gate("g").unwrap();
                settle().await;
                (health, gate)
            }),
            [PASS, FAIL, FAIL],
        ),
        (
            "a completed gate",
            of(async {
                let health = steady().gate("migrations").start().unwrap();
                health.gate("migrations").unwrap().complete();
                (health, ())
            }),
            [PASS, PASS, PASS],
        ),
        (
            "a dependency passes",
            of(dependency(Pass, Critical)),
            [PASS, PASS, PASS],
        ),
        (
            "a dependency warns",
            of(dependency(Warn, Critical)),
            [PASS, WARN, PASS],
        ),
        (
            "a critical dependency is down",
            of(dependency(Fail, Critical)),
            [PASS, FAIL, PASS],
        ),
        (
            "a non-critical dependency is down",
            of(dependency(Fail, NonCritical)),
            [PASS, WARN, PASS],
        ),
        (
            "a critical result is stale",
            of(forgotten(Critical)),
            [PASS, FAIL, PASS],
        ),
        (
            "a non-critical result is stale",
            of(forgotten(NonCritical)),
            [PASS, WARN, PASS],
        ),
        (
            "a startup check passed",
            of(startup_dependency(Pass, Critical)),
            [PASS, PASS, PASS],
        ),
        (
            "a startup check warns",
            of(startup_dependency(Warn, Critical)),
            [PASS, PASS, PASS],
        ),
        (
            "a startup check fails",
            of(startup_dependency(Fail, Critical)),
            [PASS, FAIL, FAIL],
        ),
        (
            "a non-critical startup check fails",
            of(startup_dependency(Fail, NonCritical)),
            [PASS, PASS, PASS],
        ),
        (
            "draining",
            of(async {
                let (health, ()) = dependency(Pass, Critical).await;
                health.drain();
                (health, ())
            }),
            [PASS, FAIL, PASS],
        ),
        (
            "draining during startup",
            of(async {
                let health = steady().gate("migrations").start().unwrap();
                let gate = health.gate("migrations").unwrap();
                health.drain();
                (health, gate)
            }),
            [PASS, FAIL, FAIL],
        ),
        (
            "a missed heartbeat",
            of(async {
                let (health, ()) = dependency(Pass, Critical).await;
                let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
                lapse(secs(2)).await;
                (health, heartbeat)
            }),
            [FAIL, PASS, PASS],
        ),
        (
            "marked broken",
            of(async {
                let (health, ()) = dependency(Pass, Critical).await;
                health.mark_broken("poisoned lock");
                (health, ())
            }),
            [FAIL, PASS, PASS],
        ),
        (
            "refusing traffic",
            of(async {
                let (health, ()) = dependency(Pass, Critical).await;
                health.refuse_traffic("maintenance");
                (health, ())
            }),
            [PASS, FAIL, PASS],
        ),
    ];
    for (name, situation, expected) in table {
        let (health, _kept) = situation.await;
        assert_eq!(probes(&health).await, expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_worst_check_decides() {
    use Status::{Fail, Pass, Warn};

    let cases = [
        ("all pass", [Pass, Pass], PASS),
        ("one warns", [Pass, Warn], WARN),
        ("one fails", [Fail, Pass], FAIL),
        ("one warns and one fails", [Warn, Fail], FAIL),
    ];
    for (name, statuses, expected) in cases {
        let [one, other] = statuses.map(Dial::at);
        let health = steady()
            .readiness(one.check("one"))
            .readiness(other.check("other"))
            .start()
            .unwrap();
        settle().await;
        assert_eq!(answer(&health, Probe::Readiness).await, expected, "{name}");
    }
}

// check:    pass  fail  pass
// readyz:   200   503   200
#[tokio::test(start_paused = true)]
async fn readiness_follows_a_critical_check_down_and_up_again() {
    let db = Dial::at(Status::Pass);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    assert_eq!(answer(&health, Probe::Readiness).await, PASS);

    db.turn(Status::Fail);
    lapse(secs(1)).await;
    assert_eq!(answer(&health, Probe::Readiness).await, FAIL);
    assert_eq!(answer(&health, Probe::Liveness).await, PASS);

    db.turn(Status::Pass);
    lapse(secs(1)).await;
    assert_eq!(answer(&health, Probe::Readiness).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn removing_the_last_check_leaves_nothing_to_wait_for() {
    let down = Dial::at(Status::Fail);
    let health = steady()
        .readiness(down.check("db"))
        .startup(down.check("schema"))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(probes(&health).await, [PASS, FAIL, FAIL]);

    health.remove_readiness("db").await.unwrap();
    health.remove_startup("schema").await.unwrap();
    assert_eq!(probes(&health).await, [PASS, PASS, PASS]);
}
