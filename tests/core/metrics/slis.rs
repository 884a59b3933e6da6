//! The names of Kubernetes' own components.

use tower_health::{Criticality, Status};

use crate::support::{Dial, lapse, secs, settle, steady};

// run:    1     2
// db:     pass  fail
// cache:  fail  fail, not critical
// queue:  warn  warn
#[tokio::test(start_paused = true)]
async fn the_text_has_the_shape_of_the_api_server() {
    let db = Dial::pass();
    let cache = Dial::at(Status::Fail).check("cache");
    let health = steady()
        .readiness(db.check("db"))
        .readiness(cache.criticality(Criticality::NonCritical))
        .readiness(Dial::at(Status::Warn).check("queue"))
        .startup(Dial::pass().check("schema"))
        .start()
        .unwrap();
    settle().await;
    db.turn(Status::Fail);
    lapse(secs(1)).await;
    let text = health.metrics_slis(None).into_body();
    let expected = r#"# HELP kubernetes_healthcheck Whether the last result of a check passed: 1 if so, else 0.
# TYPE kubernetes_healthcheck gauge
kubernetes_healthcheck{name="db",type="readyz"} 0
kubernetes_healthcheck{name="cache",type="readyz"} 0
kubernetes_healthcheck{name="queue",type="readyz"} 1
kubernetes_healthcheck{name="schema",type="startupz"} 1
# HELP kubernetes_healthchecks_total Runs of a check that counted, by whether they passed.
# TYPE kubernetes_healthchecks_total counter
kubernetes_healthchecks_total{name="db",status="error",type="readyz"} 1
kubernetes_healthchecks_total{name="db",status="success",type="readyz"} 1
kubernetes_healthchecks_total{name="cache",status="error",type="readyz"} 2
kubernetes_healthchecks_total{name="cache",status="success",type="readyz"} 0
kubernetes_healthchecks_total{name="queue",status="error",type="readyz"} 0
kubernetes_healthchecks_total{name="queue",status="success",type="readyz"} 2
kubernetes_healthchecks_total{name="schema",status="error",type="startupz"} 0
kubernetes_healthchecks_total{name="schema",status="success",type="startupz"} 1
"#;
    assert_eq!(std::str::from_utf8(&text).unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_has_not_run_has_no_result() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    let text = health.metrics_slis(None).into_body();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(!text.contains("kubernetes_healthcheck{"), "{text}");
}
