//! Checks that are added and removed while the service runs.
//!
//! Ports D13 and D18 of the peers' tables: a name that is registered twice, or not at all, is
//! reported at once. D18's check that is registered but not configured is no case here: settings
//! are optional.

use tower_health::{Criticality, Health, HealthConfig, Probe, Status};

use super::support::{
    PASSED, Script, fail, failed, hang, pass, readiness, seen, told, two_workers,
};
use crate::support::{lapse, millis, secs, settle, steady};

fn names(health: &Health, probe: Probe) -> Vec<String> {
    let snapshot = health.snapshot();
    let names = snapshot.checks(probe).map(|check| check.name().to_owned());
    names.collect()
}

async fn empty() -> Health {
    let health = steady().start().unwrap();
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    health
}

#[tokio::test(start_paused = true)]
async fn an_added_check_counts_as_failed_as_soon_as_it_is_acknowledged() {
    let health = empty().await;
    let db = Script::new([pass().after(secs(1))]);
    health.add_readiness(db.check("db")).await.unwrap();
    assert_eq!(names(&health, Probe::Readiness), ["db"]);
    assert_eq!(seen(&health, "db"), failed("not checked yet"));
    assert_eq!(readiness(&health), Status::Fail);

    lapse(millis(1_050)).await;
    assert_eq!(seen(&health, "db"), PASSED);
    assert_eq!(readiness(&health), Status::Pass);
    lapse(secs(10)).await;
    assert_eq!(db.runs(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_added_check_that_is_not_critical_warns_until_its_first_result() {
    let health = empty().await;
    let cache = Script::new([pass().after(secs(1))]).check("cache");
    let cache = cache.criticality(Criticality::NonCritical);
    health.add_readiness(cache).await.unwrap();
    assert_eq!(readiness(&health), Status::Warn);
    lapse(millis(1_050)).await;
    assert_eq!(readiness(&health), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn an_added_check_takes_the_settings_of_its_health() {
    let health = steady().ttl(secs(7)).timeout(secs(2)).start().unwrap();
    let db = Script::new([hang()]);
    health.add_readiness(db.check("db")).await.unwrap();
    lapse(secs(20)).await;
    assert_eq!(seen(&health, "db"), failed("timed out after 2s"));
    assert_eq!(db.starts(), [0, 9, 18].map(secs));
}

#[tokio::test(start_paused = true)]
async fn adding_and_removing_leaves_the_schedule_of_others_alone() {
    let db = Script::passing();
    let health = steady().readiness(db.check("db")).start().unwrap();
    for _ in 0..5 {
        lapse(millis(700)).await;
        let other = Script::new([hang()]);
        health.add_readiness(other.check("other")).await.unwrap();
        health.remove_readiness("other").await.unwrap();
    }
    lapse(millis(550)).await;
    assert_eq!(db.starts(), [0, 1, 2, 3, 4].map(secs));
}

#[tokio::test(start_paused = true)]
async fn a_removed_check_is_gone_when_that_is_acknowledged_and_its_run_is_aborted() {
    let health = empty().await;
    let db = Script::new([hang()]);
    health.add_readiness(db.check("db")).await.unwrap();
    settle().await;
    assert_eq!((db.running(), readiness(&health)), (1, Status::Fail));

    health.remove_readiness("db").await.unwrap();
    assert_eq!(names(&health, Probe::Readiness), [""; 0]);
    assert_eq!(readiness(&health), Status::Pass);
    settle().await;
    assert_eq!(db.running(), 0);
    lapse(secs(60)).await;
    assert_eq!(db.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_removed_check_tells_nothing_any_more() {
    let health = empty().await;
    let mut transitions = health.subscribe();
    let db = Script::new([fail("refused").after(millis(100))]);
    health.add_readiness(db.check("db")).await.unwrap();
    assert_eq!(told(&mut transitions).await, ["readiness: pass -> fail"]);
    health.remove_readiness("db").await.unwrap();
    lapse(secs(10)).await;
    assert_eq!(told(&mut transitions).await, ["readiness: fail -> pass"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_may_be_taken_again_after_its_check_was_removed() {
    let health = empty().await;
    for round in 0..3 {
        let old = Script::new([hang()]);
        health.add_readiness(old.check("db")).await.unwrap();
        lapse(secs(1)).await;
        health.remove_readiness("db").await.unwrap();

        let new = Script::new([pass().after(millis(10)), fail("refused")]);
        health.add_readiness(new.check("db")).await.unwrap();
        assert_eq!(seen(&health, "db"), failed("not checked yet"), "{round}");
        settle().await;
        assert_eq!(seen(&health, "db"), PASSED, "{round}");
        // Nothing of the old check, its timeout least of all, finds the new one.
        lapse(secs(6)).await;
        assert_eq!(seen(&health, "db"), failed("refused"), "{round}");
        assert_eq!((old.runs(), old.running()), (1, 0));
        health.remove_readiness("db").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused_and_the_first_check_stays() {
    let health = empty().await;
    health
        .add_readiness(Script::passing().check("db"))
        .await
        .unwrap();
    let other = Script::new([fail("the other")]);
    let error = health.add_readiness(other.check("db")).await.unwrap_err();
    assert!(error.is_name(), "{error}");
    assert_eq!(
        error.to_string(),
        "readiness check \"db\": the name is taken"
    );
    lapse(secs(3)).await;
    assert_eq!(seen(&health, "db"), PASSED);
    assert_eq!(other.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_unknown_cannot_be_removed() {
    let health = steady()
        .readiness(Script::passing().check("db"))
        .gate("migrations")
        .start()
        .unwrap();
    for name in ["", "DB", "cache", "migrations"] {
        let error = health.remove_readiness(name).await.unwrap_err();
        assert!(error.is_unknown(), "{error}");
        assert_eq!(
            error.to_string(),
            format!("there is no readiness check {name:?}")
        );
    }
    for name in ["db", "migrations"] {
        let error = health.remove_startup(name).await.unwrap_err();
        assert!(error.is_unknown(), "{error}");
        assert_eq!(
            error.to_string(),
            format!("there is no startup check {name:?}")
        );
    }
    assert_eq!(names(&health, Probe::Readiness), ["db"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_built_cannot_be_added_either() {
    let health = empty().await;
    let check = |name| Script::passing().check(name);
    let name = health.add_readiness(check("a/b")).await.unwrap_err();
    assert!(name.is_name(), "{name}");
    let zero = check("db").timeout(secs(0)).failure_threshold(0);
    let option = health.add_readiness(zero).await.unwrap_err();
    assert!(option.is_option(), "{option}");
    let text = option.to_string();
    assert!(
        text.contains("timeout") && text.contains("failure_threshold"),
        "{text}"
    );
    // Neither took the name.
    health.add_readiness(check("db")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn settings_for_a_name_that_is_not_registered_are_refused() {
    let mut config = HealthConfig::default();
    config.checks.insert("bd".to_owned(), Default::default());
    let built = Health::builder()
        .config(config)
        .readiness(Script::passing().check("db"))
        .start();
    let error = built.unwrap_err();
    assert!(error.is_unknown(), "{error}");
    assert!(error.to_string().contains("\"bd\""), "{error}");
}

#[tokio::test(start_paused = true)]
async fn startup_waits_for_a_check_that_is_added_in_time() {
    let health = steady().gate("migrations").start().unwrap();
    let schema = Script::new([fail("old"), pass()]);
    health.add_startup(schema.check("schema")).await.unwrap();
    health.gate("migrations").unwrap().complete();
    assert_eq!(names(&health, Probe::Startup), ["schema"]);
    assert_eq!(health.status(Probe::Startup), Status::Fail);
    lapse(millis(1_050)).await;
    assert_eq!(health.status(Probe::Startup), Status::Pass);
    lapse(secs(10)).await;
    assert_eq!(schema.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_startup_check_that_is_removed_is_not_waited_for() {
    let (stuck, schema) = (Script::new([hang()]), Script::passing());
    let health = steady()
        .startup(stuck.check("stuck"))
        .startup(schema.check("schema"))
        .start()
        .unwrap();
    lapse(secs(1)).await;
    assert_eq!(health.status(Probe::Startup), Status::Fail);
    health.remove_startup("stuck").await.unwrap();
    assert_eq!(health.status(Probe::Startup), Status::Pass);
    settle().await;
    assert_eq!(stuck.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn removing_a_startup_check_that_has_passed_completes_nothing_else() {
    let health = steady()
        .startup(Script::passing().check("schema"))
        .startup(Script::new([fail("no")]).check("stuck"))
        .start()
        .unwrap();
    settle().await;
    health.remove_startup("schema").await.unwrap();
    lapse(secs(3)).await;
    assert_eq!(health.status(Probe::Startup), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_startup_check_that_comes_too_late_is_refused() {
    let health = empty().await;
    let late = Script::new([fail("no")]);
    for _ in 0..2 {
        let error = health.add_startup(late.check("late")).await.unwrap_err();
        assert!(error.is_too_late(), "{error}");
        assert!(error.to_string().contains("\"late\""), "{error}");
    }
    lapse(secs(3)).await;
    assert_eq!(health.status(Probe::Startup), Status::Pass);
    assert_eq!(late.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_startup_check_cannot_take_the_name_of_a_gate() {
    let health = steady().gate("migrations").start().unwrap();
    let check = Script::passing().check("migrations");
    let error = health.add_startup(check).await.unwrap_err();
    assert!(error.is_name(), "{error}");
}

// The caller may stop waiting; the refresher carries the order out all the same, and once.
#[tokio::test(start_paused = true)]
async fn an_order_whose_future_is_dropped_is_carried_out_once() {
    let health = empty().await;
    let db = Script::passing();
    {
        let add = health.add_readiness(db.check("db"));
        tokio::pin!(add);
        let waited = tokio::time::timeout(secs(0), &mut add).await;
        assert!(waited.is_err(), "acknowledged before it was published");
    }
    settle().await;
    assert_eq!(names(&health, Probe::Readiness), ["db"]);
    assert_eq!(db.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_callers_at_once_add_and_remove_each_check_once() {
    let health = empty().await;
    let callers: Vec<_> = (0..200)
        .map(|index| {
            let health = health.clone();
            tokio::spawn(async move {
                let name = format!("check-{}", index / 2);
                let added = health.add_readiness(Script::passing().check(&name)).await;
                added.is_ok()
            })
        })
        .collect();
    let mut added = 0;
    for caller in callers {
        added += usize::from(caller.await.unwrap());
    }
    assert_eq!(added, 100);
    settle().await;
    assert_eq!(names(&health, Probe::Readiness).len(), 100);
    assert_eq!(readiness(&health), Status::Pass);
    for index in 0..100 {
        let name = format!("check-{index}");
        health.remove_readiness(&name).await.unwrap();
    }
    assert_eq!(names(&health, Probe::Readiness), [""; 0]);
}

// On real threads, since the name and the order for it are to be one step.
#[test]
fn one_name_that_is_added_and_removed_at_once_never_leaves_a_check_that_cannot_be_removed() {
    two_workers().block_on(async {
        let health = steady().ttl(secs(3_600)).start().unwrap();
        for _ in 0..3_000 {
            let adding = tokio::spawn({
                let health = health.clone();
                async move { health.add_readiness(Script::passing().check("db")).await }
            });
            while health.remove_readiness("db").await.is_err() {
                tokio::task::yield_now().await;
            }
            adding.await.unwrap().unwrap();
            assert_eq!(names(&health, Probe::Readiness), [""; 0]);
        }
    });
}
