//! What a message contains.

use tower_health::webhook::{self, Webhook};
use tower_health::{Health, Probe, Status};

use super::receiver::Receiver;
use super::support::{builder, delivers, passing, quick, turn};
use crate::support::Dial;

#[tokio::test]
async fn a_failure_and_its_recovery_are_posted_as_json() {
    let receiver = Receiver::start([]).await;
    let dial = Dial::pass();
    let check = dial
        .check("db")
        .link("runbook", "https://wiki.example.com/db");
    let health = builder()
        .readiness(check)
        .service_id("billing-7")
        .version("1")
        .release_id("1.4.0+77")
        .environment("production")
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    let webhook = quick(&receiver).start(&health).unwrap();
    turn(&health, &dial, "db", Err("refused by \"db\"\n".into())).await;
    turn(&health, &dial, "db", Status::Pass).await;
    delivers(&webhook, 2).await;

    let requests = receiver.requests();
    let [failure, recovery] = &requests[..] else {
        panic!("{requests:#?}")
    };
    assert!(
        failure
            .head
            .starts_with("POST /hooks/T0SECRET/B0SECRET?token=q-secret HTTP/1.1")
    );
    assert_eq!(failure.header("content-type"), Some("application/json"));
    let agent = concat!("tower-health/", env!("CARGO_PKG_VERSION"));
    assert_eq!(failure.header("user-agent"), Some(agent));
    let body = failure.json();
    assert_eq!(failure.header("idempotency-key"), body["id"].as_str());
    let history = health.history();
    let change = history
        .iter()
        .find(|change| change.cause.is_some())
        .unwrap();
    let time = humantime::format_rfc3339_millis(change.time).to_string();
    let expected = serde_json::json!({
        "id": body["id"],
        "text": "readiness/db: pass -> fail (failed): refused by \"db\"\\n",
        "subject": "readiness/db",
        "probe": "readiness",
        "check": "db",
        "from": "pass",
        "to": "fail",
        "cause": "failed",
        "output": "refused by \"db\"\n",
        "time": time,
        "duration_seconds": change.duration.unwrap().as_secs_f64(),
        "consecutive_failures": 1,
        "recovery": false,
        "changes": 1,
        "since": time,
        "dropped": 0,
        "service_id": "billing-7",
        "instance": body["instance"],
        "version": "1",
        "release_id": "1.4.0+77",
        "environment": "production",
        "links": { "runbook": "https://wiki.example.com/db" },
    });
    assert_eq!(body, expected);
    assert!(
        body["instance"]
            .as_str()
            .is_some_and(|name| !name.is_empty())
    );

    let body = recovery.json();
    assert_eq!(
        (&body["from"], &body["to"]),
        (&"fail".into(), &"pass".into())
    );
    assert_eq!(body["recovery"], true);
    assert_eq!(body["text"], "readiness/db: fail -> pass");
    assert!(body["id"] != failure.json()["id"]);
    for absent in [
        "cause",
        "output",
        "consecutive_failures",
        "late_seconds",
        "worst",
    ] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn a_template_writes_the_body() {
    let receiver = Receiver::start([]).await;
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver)
        .template(|notification| format!("{}={}", notification.id, notification.transition.to))
        .header("content-type", "text/plain")
        .header("x-team", "storage")
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    delivers(&webhook, 1).await;
    let request = &receiver.requests()[0];
    assert!(request.body.ends_with("-1=fail"), "{}", request.body);
    assert_eq!(request.header("content-type"), Some("text/plain"));
    assert_eq!(request.header("x-team"), Some("storage"));
}

#[tokio::test]
async fn a_template_that_panics_loses_no_message() {
    let receiver = Receiver::start([]).await;
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver)
        .template(|_| panic!("a template"))
        .header("content-type", "text/plain")
        .filter(|_| panic!("a filter"))
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    turn(&health, &dial, "db", Status::Pass).await;
    delivers(&webhook, 2).await;
    let request = &receiver.requests()[0];
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.json()["to"], "fail");
}

#[tokio::test]
async fn a_message_of_slack_mentions_nobody() {
    let receiver = Receiver::start([]).await;
    let dial = Dial::pass();
    let check = dial
        .check("db")
        .link("run<book", "https://wiki.example.com/db|x>");
    let health = builder()
        .environment("prod")
        .readiness(check)
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    let webhook = Webhook::new(&receiver.url())
        .check("db")
        .template(webhook::slack)
        .throttle(std::time::Duration::ZERO)
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Err("<!channel> & <@U123>".into())).await;
    turn(&health, &dial, "db", Status::Warn).await;
    turn(&health, &dial, "db", Status::Pass).await;
    delivers(&webhook, 3).await;
    let texts: Vec<_> = receiver
        .requests()
        .iter()
        .map(|request| request.json()["text"].as_str().unwrap().to_owned())
        .collect();
    let link = "<https://wiki.example.com/db%7Cx&gt;|run&lt;book>";
    assert_eq!(
        texts,
        [
            format!(
                ":red_circle: [prod] readiness/db: pass -&gt; fail (failed): \
                 &lt;!channel&gt; &amp; &lt;@U123&gt; {link}"
            ),
            format!(":large_yellow_circle: [prod] readiness/db: fail -&gt; warn: slow {link}"),
            format!(":large_green_circle: [prod] readiness/db: warn -&gt; pass {link}"),
        ]
    );
}

// As at the start of a process whose dependency is down.
#[tokio::test]
async fn what_is_in_trouble_when_the_webhook_starts_is_posted_and_what_is_well_is_not() {
    let receiver = Receiver::start([]).await;
    let (db, cache) = (Dial::at(Status::Fail), Dial::pass());
    let health: Health = builder()
        .readiness(db.check("db"))
        .readiness(cache.check("cache"))
        .start()
        .unwrap();
    let mut transitions = health.subscribe();
    for _ in 0..2 {
        transitions.next().await.unwrap();
    }
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
    let webhook = Webhook::new(&receiver.url()).start(&health).unwrap();
    delivers(&webhook, 1).await;
    let told: Vec<_> = receiver
        .requests()
        .iter()
        .map(|request| request.json()["subject"].clone())
        .collect();
    assert_eq!(told, ["readiness/db"]);
}
