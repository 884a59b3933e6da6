//! Prometheus sees a service fail, recover and drain.

use tower_health::Status;

use super::server::Prometheus;
use super::service::Service;

const NOT_READY: &str = r#"ALERTS{alertname="HealthNotReady"}"#;

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn prometheus_scrapes_on_while_a_check_fails_and_while_the_service_drains() {
    let service = Service::start().await;
    let prometheus = Prometheus::scraping(service.site.address()).await;
    let state = |state| format!(r#"health_check_state{{check="db",state="{state}"}}"#);
    let ready = r#"health_probe_state{probe="readiness",state="pass"}"#;
    prometheus.until(&state("pass"), Some(1.0)).await;
    assert!(service.scraped_as.lock().unwrap().contains("openmetrics"));
    assert_eq!(prometheus.value(NOT_READY).await, None);

    service.turn(Status::Fail).await;
    prometheus.until(&state("fail"), Some(1.0)).await;
    prometheus.until(&state("pass"), Some(0.0)).await;
    prometheus.until(ready, Some(0.0)).await;
    prometheus.until(NOT_READY, Some(1.0)).await;
    let pending = prometheus.query(NOT_READY).await;
    assert_eq!(pending[0].0["alertstate"], "pending");
    assert_eq!(
        prometheus.value(r#"up{job="tower-health"}"#).await,
        Some(1.0)
    );

    // This one fails all the time, and is not critical.
    let cache = r#"health_check_state{check="cache",state="warn"}"#;
    assert_eq!(prometheus.value(cache).await, Some(1.0));

    service.turn(Status::Warn).await;
    prometheus.until(&state("warn"), Some(1.0)).await;
    prometheus.until(NOT_READY, None).await;

    service.health.drain();
    prometheus.until("health_draining", Some(1.0)).await;
    prometheus.until(ready, Some(0.0)).await;
    let too_long = r#"ALERTS{alertname="HealthDrainingTooLong",alertstate="pending"}"#;
    prometheus.until(too_long, Some(1.0)).await;
    assert_eq!(prometheus.value(NOT_READY).await, None);
    assert_eq!(
        prometheus.value(r#"up{job="tower-health"}"#).await,
        Some(1.0)
    );

    // Of each scrape it kept every sample.
    let series = r#"count({__name__=~"health_.+",check="db"})"#;
    assert_eq!(prometheus.value(series).await, Some(34.0));

    // A process that hangs as a whole, or is gone, tells nothing.
    drop(service);
    let gone = r#"ALERTS{alertname="HealthNotScraped",alertstate="pending"}"#;
    prometheus.until(gone, Some(1.0)).await;
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn a_check_that_is_removed_is_gone_with_the_next_scrape() {
    let service = Service::start().await;
    let prometheus = Prometheus::scraping(service.site.address()).await;
    let series = r#"count({__name__=~"health_.+",check="cache"})"#;
    prometheus.until(series, Some(34.0)).await;
    service.health.remove_readiness("cache").await.unwrap();
    prometheus.until(series, None).await;
}
