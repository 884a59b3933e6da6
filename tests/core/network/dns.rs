//! Names that have addresses, and names that have none.

use std::time::Duration;

use tower_health::indicators::DnsIndicator;
use tower_health::{ComponentType, Criticality, HealthIndicator, ObservedValue, Status};

use super::verdict::failure;
use crate::support::watched::{Watched, refused};

#[tokio::test]
async fn localhost_has_addresses() {
    let watched = Watched::start("peers", DnsIndicator::new("peers", "localhost"));
    watched.passes().await;
    let state = watched.state();
    let of = |name| {
        let mut readings = state.readings().iter();
        readings
            .find(|reading| reading.measurement() == Some(name))
            .unwrap()
    };
    assert!(matches!(
        of("addresses").value(),
        ObservedValue::Integer(1..)
    ));
    assert_eq!(of("responseTime").unit(), Some("ms"));
}

/// Whatever the resolver of this machine does with it: RFC 6761, section 6.4, reserves the name.
#[tokio::test]
async fn an_unknown_name_fails_and_says_why() {
    let indicator = DnsIndicator::new("peers", "name.invalid");
    let indicator = indicator.timeout(Duration::from_millis(500));
    let watched = Watched::start("peers", indicator);
    let said = watched.turns_with(Status::Fail, "looking up").await;
    assert!(said.starts_with("looking up name.invalid: "), "{said}");
}

#[tokio::test]
async fn too_few_hosts_fail() {
    let indicator = DnsIndicator::new("peers", "localhost");
    let indicator = indicator.at_least(100);
    let said = failure(&indicator).await;
    // It has one of each family at most.
    let wanted = "localhost has addresses of 1 host, fewer than 100";
    assert_eq!(said, wanted);
}

#[test]
fn a_full_blocking_pool_is_not_blamed_on_the_resolver() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let hog = tokio::task::spawn_blocking(move || released.recv());
        let indicator = DnsIndicator::new("peers", "localhost");
        let indicator = indicator.timeout(Duration::from_millis(100));
        let wanted = "looking up localhost: tokio's blocking pool has no free thread: no answer";
        let said = failure(&indicator).await;
        assert!(said.starts_with(wanted), "{said}");
        let said = failure(&indicator).await;
        assert!(
            said.contains(" s ago: tokio's blocking pool has no free thread"),
            "{said}"
        );
        drop(release);
        let _ = hog.await.unwrap();
        let what = "the lookup gets a thread";
        crate::support::eventually(what, async || indicator.check().await.is_ok()).await;
    });
}

#[test]
fn a_host_that_is_no_name_is_refused() {
    let long = "a".repeat(255);
    let cases = [
        ("", "has no host"),
        ("10.0.0.1", "is an IP address"),
        ("::1", "is an IP address"),
        ("peers:80", "without scheme and port"),
        ("http://peers", "without scheme and port"),
        ("peers/path", "characters that no host name has"),
        ("two peers", "characters that no host name has"),
        (&long, "more than 253 characters"),
    ];
    for (host, fault) in cases {
        let said = refused(DnsIndicator::new("peers", host));
        let begin = "\"peers\": host ";
        assert!(
            said.starts_with(begin) && said.contains(fault),
            "{host}: {said}"
        );
    }
    let peers = DnsIndicator::new("peers", "peers.internal.");
    let said = refused(peers.at_least(0));
    assert!(said.contains("at_least is 0"), "{said}");
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let peers = DnsIndicator::new("peers", "peers.internal");
    assert_eq!(HealthIndicator::timeout(&peers).unwrap().as_secs(), 2);
    assert_eq!(peers.ttl().unwrap().as_secs(), 5);
    assert_eq!(peers.criticality(), Criticality::Critical);
    assert_eq!(peers.component_type(), Some(ComponentType::Component));
}
