//! Rolling restarts behind balancers, under load: what is lost with a drain, and what without.

use rustix::process::Signal as Kill;
use tower_health_probes::platform::{End, Process};

use crate::balancer::{Balancer, Envoy, Haproxy, shipped};
use crate::site::Site;
use crate::support::{Place, Program, status, wait_until};

/// Restarts in a proof.
fn restarts() -> usize {
    variable("RESTARTS", 20)
}

/// Milliseconds for which each connection of wrk pauses between requests.
fn pause() -> usize {
    variable("PAUSE_MS", 0)
}

fn variable(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|error| panic!("{name} is {text:?}: {error}"))
    })
}

#[test]
fn nothing_is_lost_in_rolling_restarts_behind_haproxy() {
    let loss = roll(
        "haproxy, as shipped",
        &shipped(Haproxy::start),
        Stop::Drains,
        restarts(),
    );
    assert_eq!(loss.failed, 0, "{loss:?}");
}

#[test]
fn nothing_is_lost_in_rolling_restarts_behind_envoy() {
    let loss = roll(
        "envoy, as shipped",
        &shipped(Envoy::start),
        Stop::Drains,
        restarts(),
    );
    assert_eq!(loss.failed, 0, "{loss:?}");
}

#[test]
fn nothing_is_lost_in_rolling_restarts_behind_nginx_without_active_checks() {
    let loss = roll(
        "nginx, as shipped",
        &shipped(Site::start),
        Stop::Drains,
        restarts(),
    );
    assert_eq!(loss.failed, 0, "{loss:?}");
}

#[test]
fn without_a_drain_requests_are_lost() {
    let count = restarts().min(10);
    let bare = |ports: &[u16]| -> Box<dyn Balancer> { Box::new(Haproxy::without_retries(ports)) };
    let bare = |what: &str, stop| {
        roll(
            &format!("haproxy without retries, {what}"),
            &bare,
            stop,
            count,
        )
    };
    let drained = bare("drain", Stop::Drains);
    assert_eq!(drained.failed, 0, "{drained:?}");
    let closed = bare("no drain delay", Stop::ClosesAtOnce);
    assert!(closed.failed > 0, "{closed:?}");
    let died = bare("the process dies", Stop::Dies);
    assert!(died.failed > 0, "{died:?}");
    // Retries hide most of it; how much is a figure, and not a promise.
    roll(
        "haproxy as shipped, the process dies",
        &shipped(Haproxy::start),
        Stop::Dies,
        count,
    );
}

/// What a stop does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    /// SIGTERM, with the drain delay of the kit.
    Drains,
    /// SIGTERM, with no drain delay.
    ClosesAtOnce,
    /// The process ends at once, as one that does not handle SIGTERM.
    Dies,
}

#[derive(Debug)]
struct Loss {
    requests: u64,
    failed: u64,
}

/// Two instances behind the balancer; one after the other is stopped and started again.
fn roll(
    name: &str,
    balance: &dyn Fn(&[u16]) -> Box<dyn Balancer>,
    stop: Stop,
    count: usize,
) -> Loss {
    let places = [Place::new(), Place::new()];
    let start = |place: &Place| -> Process {
        let delay = if stop == Stop::ClosesAtOnce {
            "0s"
        } else {
            "5s"
        };
        let image = place
            .image()
            .env("HEALTH_DRAIN_DELAY", delay)
            .env("HEALTH_TTL", "5s");
        let words =
            ["/app/service", "--mode", "production", "--apply-migrations"].map(str::to_owned);
        image.start(&words, &[]).unwrap()
    };
    let ready = |place: &Place| {
        wait_until("an instance is ready", || {
            status(place.api, "/readyz") == 200
        });
    };
    let mut instances = places.each_ref().map(&start);
    places.iter().for_each(ready);
    let balancer = balance(&places.each_ref().map(|place| place.api));
    wait_until("both have traffic", || balancer.has_both(0));

    let output = places[0].folder.path().join("wrk");
    let script = places[0].folder.path().join("wrk.lua");
    std::fs::write(
        &script,
        format!("function delay() return {} end\n", pause()),
    )
    .unwrap();
    let url = format!("https://127.0.0.1:{}/api/time", balancer.port());
    let wrk = [
        "wrk",
        "-t1",
        "-c8",
        "-d3600s",
        "--timeout",
        "10s",
        "-H",
        "Host: api.example.com",
        "-s",
        script.to_str().unwrap(),
        &url,
    ];
    let mut wrk = Program::start(&wrk, &output);
    wait_until("wrk is connected", || connections(balancer.port()) >= 8);
    for turn in 0..count {
        let (instance, place) = (&mut instances[turn % 2], &places[turn % 2]);
        let end = match stop {
            Stop::Dies => instance.stop(Kill::KILL, std::time::Duration::from_secs(5)),
            _ => instance.stop(Kill::TERM, std::time::Duration::from_secs(60)),
        };
        if stop == Stop::Drains {
            assert_eq!(end, End::Exited(0), "{}", place.log());
        }
        *instance = start(place);
        ready(place);
        let since = balancer.log().len();
        wait_until("both have traffic", || balancer.has_both(since));
    }
    wrk.signal("INT");
    let _ = wrk.0.wait();
    let text = std::fs::read_to_string(output).unwrap();
    let loss = Loss::read(&text);
    println!(
        "{name}: {count} restarts, {} requests, {} failed",
        loss.requests, loss.failed
    );
    if loss.failed > 0 {
        let log = balancer.log();
        let lines = log.lines().filter(|line| {
            [" 502 ", " 503 ", " 504 "]
                .iter()
                .any(|code| line.contains(code))
        });
        println!("{text}\n{}", lines.take(5).collect::<Vec<_>>().join("\n"));
    }
    loss
}

/// How many connections to this port are established.
fn connections(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!(":{port:04X} 01 ");
    table.lines().filter(|line| line.contains(&remote)).count()
}

impl Loss {
    /// What wrk prints: requests, answers other than 2xx and 3xx, and errors of sockets.
    fn read(text: &str) -> Self {
        let number = |word: &str| -> u64 { word.trim_matches(',').parse().unwrap_or(0) };
        let line = |part: &str| {
            text.lines()
                .find(|line| line.contains(part))
                .unwrap_or_default()
        };
        let requests = line(" requests in ")
            .split_whitespace()
            .next()
            .map_or(0, number);
        let refused = line("Non-2xx or 3xx")
            .split_whitespace()
            .last()
            .map_or(0, number);
        let broken: u64 = line("Socket errors").split_whitespace().map(number).sum();
        assert!(requests > 0, "{text}");
        Self {
            requests,
            failed: refused + broken,
        }
    }
}
