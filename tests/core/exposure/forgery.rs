//! What a check says stays inside the place that it was given: one line, one JSON string.

use tower_health::{Failure, Observation};

use super::support::{Port, check};
use crate::support::{settle, steady};

const NASTY: [&str; 10] = [
    "refused\n[+]db ok",
    "refused\r[+]db ok\rreadyz check passed",
    "refused\r\nreadyz check passed\r\n",
    "\u{85}[+]db ok",
    "\u{2028}[+]db ok\u{2029}",
    "\u{b}[+]db ok\u{c}",
    "\u{1b}[1A\u{1b}[2K[+]db ok",
    "\0",
    r#"","status":"pass","x":""#,
    "\\\"}],\"checks\":{\"db\":[{\"status\":\"pass\"}]}",
];

/// What anybody may take for the end of a line, or act upon.
fn is_dangerous(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{2029}')
}

#[tokio::test(start_paused = true)]
async fn no_text_of_a_check_forges_a_line() {
    for text in NASTY {
        let health = steady()
            .readiness(check("db", Err(text.into())))
            .readiness(check("queue", Ok(Observation::warn(text))))
            .start()
            .unwrap();
        health.refuse_traffic(text);
        settle().await;
        let body = Port::management(&health).get("/readyz?verbose").await.body;
        assert!(!body.contains(is_dangerous), "{text:?}: {body:?}");
        let starts: Vec<_> = body
            .lines()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        let expected = [
            "[-]readyz failed",
            "[-]db failed",
            "[+]queue warn",
            "readyz check failed",
        ];
        assert_eq!(starts, expected, "{text:?}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_name_in_a_query_forges_a_line() {
    let health = steady().start().unwrap();
    let port = Port::management(&health);
    for name in [
        "x%0A[%2B]db%20ok",
        "x%0d[%2B]db",
        "%e2%80%a8",
        "%00",
        "%ff",
        "%22",
    ] {
        let answer = port.get(&format!("/readyz?verbose&exclude={name}")).await;
        assert_eq!(answer.body.lines().count(), 2, "{name}: {}", answer.body);
        assert!(!answer.body.contains(is_dangerous), "{name}");
        assert!(
            answer
                .body
                .starts_with("warn: some health checks cannot be excluded")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_text_comes_out_of_the_json_as_it_went_in() {
    for text in NASTY {
        let failure = Failure::new(text)
            .value(text, text)
            .measurement("seen", text, text);
        let health = steady()
            .redact(str::to_owned)
            .version(text)
            .release_id(text)
            .service_id(text)
            .description(text)
            .note(text)
            .link(text, text)
            .readiness(
                check("db", Err(failure))
                    .component_id(text)
                    .affected_endpoint(text),
            )
            .start()
            .unwrap();
        settle().await;
        let report = Port::management(&health).get("/readyz").await.json();
        for field in ["version", "releaseId", "serviceId", "description"] {
            assert_eq!(report[field], text, "{field}");
        }
        assert_eq!(report["notes"][0], text);
        assert_eq!(report["links"][text], text);
        assert_eq!(report["output"], format!("db: {text}"));
        let entry = &report["checks"]["db"][0];
        for field in ["componentId", "observedValue", "observedUnit", "output"] {
            assert_eq!(entry[field], text, "{field}");
        }
        assert_eq!(entry["affectedEndpoints"][0], text);
        assert_eq!(report["checks"]["db:seen"][0]["observedValue"], text);
    }
}

// Spliced into a <script>, into a line of NDJSON or into a log, the report is still one text.
#[tokio::test(start_paused = true)]
async fn a_report_is_one_line() {
    for text in NASTY {
        let health = steady()
            .readiness(check("db", Err(text.into())))
            .start()
            .unwrap();
        settle().await;
        let body = Port::management(&health).get("/readyz").await.body;
        assert!(!body.contains(|c: char| c.is_ascii_control()), "{body:?}");
    }
}
