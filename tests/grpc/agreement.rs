//! HTTP and gRPC are two readers of one state: whatever has happened, they end up saying the same.

use std::convert::Infallible;

use http::Request;
use http_body_util::{Empty, Full};
use hyper::body::Bytes;
use tower::ServiceExt;
use tower_health::{Criticality, Health, HealthLayer, Heartbeat, Probe, ServingStatus, Status};

use crate::calls::{check, site};
use crate::reply::UNAVAILABLE;
use crate::stream::{Stream, Told};
use crate::support::{Dial, lapse, secs, settle, steady};

/// The numbers of Knuth's MMIX: enough to be different each time, and the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        const TERM: u64 = 1_442_695_040_888_963_407;
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(TERM);
        (self.0 >> 33) % end
    }

    fn status(&mut self) -> Status {
        [Status::Pass, Status::Warn, Status::Fail][self.below(3) as usize]
    }
}

const SERVICES: [(&str, Option<Probe>); 6] = [
    ("", Some(Probe::Readiness)),
    ("readiness", Some(Probe::Readiness)),
    ("liveness", Some(Probe::Liveness)),
    ("startup", Some(Probe::Startup)),
    ("shop.Orders", None),
    ("switched", None),
];

/// A service whose state is flipped at random, and all the clients that look at it.
struct World {
    health: Health,
    db: Dial,
    cache: Dial,
    heartbeat: Heartbeat,
    /// Each with what it told last.
    watches: Vec<(&'static str, Stream, Option<Told>)>,
    random: Random,
}

impl World {
    async fn new(seed: u64) -> Self {
        let (db, cache) = (Dial::at(Status::Pass), Dial::at(Status::Pass));
        let health = steady()
            .readiness(db.check("db"))
            .readiness(cache.check("cache").criticality(Criticality::NonCritical))
            .grpc_service("shop.Orders", ["db", "cache"])
            .gate("migrations")
            .start()
            .unwrap();
        let heartbeat = health.heartbeat("loop", secs(5)).unwrap();
        let mut watches = Vec::new();
        for (service, _) in SERVICES {
            let stream = Stream::open(&health, service).await;
            watches.push((service, stream, None));
        }
        Self {
            health,
            db,
            cache,
            heartbeat,
            watches,
            random: Random(seed),
        }
    }

    async fn flip(&mut self) {
        let health = &self.health;
        match self.random.below(14) {
            0..3 => self.db.turn(self.random.status()),
            3 => self.cache.turn(self.random.status()),
            4 => health.refuse_traffic("maintenance"),
            5 => health.accept_traffic(),
            6 => health.mark_broken("deadlock"),
            7 => health.clear_broken(),
            8 => self.heartbeat.beat(),
            9 => lapse(secs(6)).await,
            10 => health.clear_serving_status("switched"),
            11 => health.clear_serving_status("shop.Orders"),
            choice => {
                let service = ["switched", "shop.Orders"][choice as usize - 12];
                let serving = [ServingStatus::Serving, ServingStatus::NotServing];
                let status = serving[self.random.below(2) as usize];
                health.set_serving_status(service, status).unwrap();
            }
        }
    }

    /// Lets everything arrive, and compares what all clients see.
    async fn agrees(&mut self, when: &str) {
        lapse(secs(1)).await;
        settle().await;
        for (service, stream, last) in &mut self.watches {
            for told in stream.now().await {
                assert_ne!(*last, Some(told), "{when}: {service:?} was told twice");
                *last = Some(told);
            }
        }
        for (index, (service, probe)) in SERVICES.into_iter().enumerate() {
            let checked = check(&self.health, service).await.ok();
            if let Some(probe) = probe {
                let expected = match http(&self.health, probe).await {
                    200 => ServingStatus::Serving,
                    503 => ServingStatus::NotServing,
                    code => panic!("{when}: {code}"),
                };
                assert_eq!(checked, Some(expected), "{when}: Check {service:?}");
            }
            let shown = checked.unwrap_or(ServingStatus::ServiceUnknown);
            let told = self.watches[index].2;
            assert_eq!(told, Some(Told::Status(shown)), "{when}: Watch {service:?}");
        }
    }
}

async fn http(health: &Health, probe: Probe) -> u16 {
    let request = Request::get(probe.default_path());
    let request: Request<Empty<Bytes>> = request.body(Empty::new()).unwrap();
    let response = site(health).oneshot(request).await.unwrap();
    response.status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn http_and_grpc_agree_after_each_of_a_thousand_flips_and_while_draining() {
    let mut world = World::new(0x7ab1e).await;
    world.agrees("before the start").await;
    world.health.gate("migrations").unwrap().complete();
    world.agrees("at the start").await;

    let mut seen = std::collections::BTreeSet::new();
    for flip in 0..1000 {
        // Several at once now and then: what is between them need not show.
        for _ in 0..=world.random.below(3) {
            world.flip().await;
        }
        world.agrees(&format!("flip {flip}")).await;
        let told = world.watches.iter().map(|(.., last)| format!("{last:?}"));
        seen.insert(told.collect::<Vec<_>>());
    }
    assert!(seen.len() > 20, "only {} states were seen", seen.len());

    world.heartbeat.beat();
    world.health.accept_traffic();
    world.db.turn(Status::Pass);
    world.agrees("before the drain").await;
    assert_eq!(http(&world.health, Probe::Readiness).await, 200);
    world.health.drain();
    world.agrees("while draining").await;
    assert_eq!(http(&world.health, Probe::Readiness).await, 503);
    world.heartbeat.beat();
    lapse(secs(4)).await;
    for (service, stream, _) in &mut world.watches {
        let end = stream.now().await;
        assert_eq!(end, [Told::Ended(UNAVAILABLE)], "{service:?}");
    }
}

/// What `map_body` and the layer's own body say cannot differ either.
#[tokio::test(start_paused = true)]
async fn all_layers_of_a_health_agree() {
    use tower::Layer;

    let health = steady().start().unwrap();
    let inner = tower::service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(http::Response::new(axum::body::Body::empty()))
    });
    let mapped = HealthLayer::new(health.clone())
        .map_body(axum::body::Body::new)
        .layer(inner);
    for refusing in [false, true, false] {
        if refusing {
            health.refuse_traffic("maintenance");
        } else {
            health.accept_traffic();
        }
        let call = crate::calls::request(crate::calls::CHECK, crate::calls::asking(""));
        let reply = mapped.clone().oneshot(call).await.unwrap();
        let mapped = crate::reply::Reply::of(reply).await.status();
        let call = crate::calls::request(crate::calls::CHECK, crate::calls::asking(""));
        let own = crate::calls::send(&health, call).await.status();
        assert_eq!(mapped, own);
    }
}
