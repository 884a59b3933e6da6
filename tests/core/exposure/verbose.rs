//! `?verbose`: the text format of kube-apiserver.
//!
//! These are its own cases (`testMultipleChecks`, K1 to K13 of the peers' tables) against each of
//! the three probes. What differs, and why:
//! - 503 in place of 500, as every prober of DESIGN §4 wants it.
//! - The reason of a failure is shown (K8): only those see the text who may see reasons.
//! - Without `?verbose` the answer is the JSON report, not `ok` (K2, K3, K7, K11).
//! - Without any check the list is empty; nothing like `ping` is made up (K12).
//!
//! Left out: K15 (metrics are no part of this feature set), K17 (there is no grace period for
//! liveness: it has no checks that could need one), K18 (adding a check later is allowed here).

use std::time::Duration;

use tower_health::{Criticality, Health, Heartbeat, Observation, Probe};

use super::support::{Port, check, failing, passing};
use crate::support::{settle, steady};

const PROBES: &[Probe] = Probe::ALL;

/// `ping` and, if `bad`, an entry of that name that fails, in whatever a probe has for entries.
///
/// What comes with it has to stay alive as long as the service.
async fn service(probe: Probe, bad: bool) -> (Health, Option<Heartbeat>) {
    let mut builder = steady();
    match probe {
        Probe::Liveness => {}
        Probe::Readiness => {
            builder = builder.readiness(passing("ping"));
            if bad {
                builder = builder.readiness(failing("bad", "this will fail"));
            }
        }
        Probe::Startup => {
            builder = builder.startup(passing("ping"));
            if bad {
                builder = builder.startup(failing("bad", "this will fail"));
            }
        }
        _ => unreachable!("{probe} has no entries here"),
    }
    let health = builder.start().unwrap();
    let beat = |name| health.heartbeat(name, Duration::from_secs(600)).unwrap();
    let ping = (probe == Probe::Liveness).then(|| beat("ping"));
    if probe == Probe::Liveness && bad {
        drop(beat("bad"));
    }
    settle().await;
    (health, ping)
}

fn reason(probe: Probe) -> &'static str {
    match probe {
        Probe::Liveness => "its loop ended: dropped without finish()",
        _ => "this will fail",
    }
}

#[tokio::test(start_paused = true)]
async fn the_text_is_that_of_kube_apiserver() {
    // K, query, bad, code, text; X is the probe, R the reason
    let table: [(&str, &str, bool, u16, &str); 8] = [
        ("K1", "?verbose", false, 200, "[+]ping ok\nX check passed\n"),
        (
            "K1",
            "?verbose=false",
            false,
            200,
            "[+]ping ok\nX check passed\n",
        ),
        (
            "K4",
            "?verbose=true&exclude=bad",
            true,
            200,
            "[+]ping ok\n[+]bad excluded: ok\nX check passed\n",
        ),
        (
            "K5",
            "?verbose=true&exclude=dontexist",
            false,
            200,
            "[+]ping ok\n\
             warn: some health checks cannot be excluded: no matches for \"dontexist\"\n\
             X check passed\n",
        ),
        (
            "K5, two names",
            "?exclude=a&verbose&exclude=b",
            false,
            200,
            "[+]ping ok\n\
             warn: some health checks cannot be excluded: no matches for \"a\", \"b\"\n\
             X check passed\n",
        ),
        (
            "K8",
            "?verbose",
            true,
            503,
            "[+]ping ok\n[-]bad failed: R\nX check failed\n",
        ),
        (
            "K8, another one excluded",
            "?verbose&exclude=ping",
            true,
            503,
            "[+]ping excluded: ok\n[-]bad failed: R\nX check failed\n",
        ),
        (
            "K14, a list in one value is one name",
            "?verbose&exclude=ping,bad",
            true,
            503,
            "[+]ping ok\n[-]bad failed: R\n\
             warn: some health checks cannot be excluded: no matches for \"ping,bad\"\n\
             X check failed\n",
        ),
    ];
    for &probe in PROBES {
        for (row, query, bad, code, text) in table {
            let (health, _ping) = service(probe, bad).await;
            let path = probe.default_path();
            let answer = Port::management(&health)
                .get(&format!("{path}{query}"))
                .await;
            let text = text.replace('X', &path[1..]).replace('R', reason(probe));
            assert_eq!((answer.code, &answer.body), (code, &text), "{row}, {probe}");
            assert_eq!(answer.content_type(), "text/plain; charset=utf-8");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_verbose_the_answer_is_the_report() {
    for &probe in PROBES {
        // K, query, bad, code
        let table = [
            ("K2", "?exclude=dontexist", false, 200),
            ("K3", "?exclude=bad", true, 200),
            ("K7", "", false, 200),
            ("K11", "", true, 503),
        ];
        for (row, query, bad, code) in table {
            let (health, _ping) = service(probe, bad).await;
            let target = format!("{}{query}", probe.default_path());
            let answer = Port::management(&health).get(&target).await;
            assert_eq!(answer.code, code, "{row}, {probe}");
            let expected = if code == 200 { "pass" } else { "fail" };
            assert_eq!(answer.json()["status"], expected, "{row}, {probe}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_check_has_a_text_too() {
    for &probe in PROBES {
        let (health, _ping) = service(probe, true).await;
        let port = Port::management(&health);
        let path = probe.default_path();
        // K6 and K9: a sibling that fails does not matter.
        let ping = port.get(&format!("{path}/ping?verbose")).await;
        assert_eq!(
            (ping.code, &*ping.body),
            (200, "[+]ping ok\nping check passed\n")
        );
        // K10
        let bad = port.get(&format!("{path}/bad?verbose")).await;
        let text = format!("[-]bad failed: {}\nbad check failed\n", reason(probe));
        assert_eq!((bad.code, bad.body), (503, text));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_checks_has_nothing_to_list() {
    let port = Port::management(&steady().start().unwrap());
    for path in ["livez", "readyz", "startupz"] {
        let answer = port.get(&format!("/{path}?verbose")).await;
        let text = format!("{path} check passed\n");
        assert_eq!((answer.code, answer.body), (200, text));
    }
}

#[tokio::test(start_paused = true)]
async fn names_stand_in_the_order_of_their_registration() {
    let health = steady()
        .readiness(passing("z"))
        .readiness(passing("a"))
        .readiness(passing("m"))
        .start()
        .unwrap();
    health.add_readiness(passing("b")).await.unwrap();
    settle().await;
    let answer = Port::management(&health).get("/readyz?verbose").await;
    assert_eq!(
        answer.body,
        "[+]z ok\n[+]a ok\n[+]m ok\n[+]b ok\nreadyz check passed\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_warning_passes_and_says_why() {
    let health = steady()
        .readiness(check("queue", Ok(Observation::warn("lags by 40 s"))))
        .readiness(failing("cache", "refused").criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    settle().await;
    let answer = Port::management(&health).get("/readyz?verbose").await;
    assert_eq!(answer.code, 200);
    assert_eq!(
        answer.body,
        "[+]queue warn: lags by 40 s\n[+]cache warn: refused\nreadyz check passed\n"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_process_says_of_itself_comes_first() {
    let health = steady()
        .gate("migrations")
        .readiness(passing("db"))
        .start()
        .unwrap();
    health.refuse_traffic("resharding");
    health.mark_broken("poisoned lock");
    health.drain();
    settle().await;
    let port = Port::management(&health);
    assert_eq!(
        port.get("/readyz?verbose").await.body,
        "[-]readyz failed: startup has not completed\n\
         [-]readyz failed: draining\n\
         [-]readyz failed: refusing traffic: resharding\n\
         [+]db ok\n\
         readyz check failed\n"
    );
    assert_eq!(
        port.get("/startupz?verbose").await.body,
        "[-]migrations failed: not completed yet\nstartupz check failed\n"
    );
    assert_eq!(
        port.get("/livez?verbose").await.body,
        "[-]livez failed: marked broken: poisoned lock\nlivez check failed\n"
    );
}

#[tokio::test(start_paused = true)]
async fn the_text_goes_to_those_only_who_may_see_details() {
    let (health, _ping) = service(Probe::Readiness, true).await;
    let port = Port::guarded(&health);
    assert!(port.get("/readyz?verbose").await.is_public());
    let seen = port.get_with_token("/readyz?verbose").await;
    assert!(seen.body.contains("[-]bad failed: this will fail\n"));
}
