//! `?exclude=`: how many names, and how much of a query.

use tower_health::{Details, HealthBuilder, HealthLayer, Status};

use super::with;
use crate::support::prober::get;
use crate::support::{Dial, settle};

/// The code of readiness of two failing checks, `a` and `b`, for a caller who sends this query.
async fn code(builder: HealthBuilder, query: &str) -> u16 {
    let down = |name| Dial::at(Status::Fail).check(name);
    let builder = builder.readiness(down("a")).readiness(down("b"));
    let health = builder.start().unwrap();
    settle().await;
    let layer = HealthLayer::builder(health).details(Details::always());
    let target = format!("/readyz?{query}");
    get(&layer.build().unwrap(), &target).await.0
}

#[tokio::test(start_paused = true)]
async fn as_many_names_as_the_limit_are_excluded() {
    let two = || with(|limits| limits.excluded_names = 2);
    assert_eq!(code(two(), "exclude=a&exclude=b").await, 200);
    assert_eq!(code(two(), "exclude=x&exclude=a&exclude=b").await, 503);
    assert_eq!(code(two(), "exclude=a&exclude=b&exclude=x").await, 200);
}

#[tokio::test(start_paused = true)]
async fn by_default_it_is_256_names() {
    let names = |others: usize| format!("{}exclude=a&exclude=b", "exclude=x&".repeat(others));
    assert_eq!(code(with(|_| {}), &names(254)).await, 200);
    assert_eq!(code(with(|_| {}), &names(255)).await, 503);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_ends_beyond_the_bytes_that_are_read_is_not_excluded() {
    let bytes = |bytes| with(|limits| limits.query_bytes = bytes);
    let query = "exclude=a&exclude=b";
    assert_eq!(query.len(), 19);
    assert_eq!(code(bytes(19), query).await, 200);
    assert_eq!(code(bytes(18), query).await, 503);
    // Half a name is no name: `b` is not excluded by what is left of `bx`.
    assert_eq!(code(bytes(19), "exclude=a&exclude=bx").await, 503);
}

#[tokio::test(start_paused = true)]
async fn by_default_it_is_8_kib() {
    let query = |length: usize| {
        let names = "&exclude=a&exclude=b";
        format!("{}{names}", "x".repeat(length - names.len()))
    };
    assert_eq!(code(with(|_| {}), &query(8 * 1024)).await, 200);
    assert_eq!(code(with(|_| {}), &query(8 * 1024 + 1)).await, 503);
}
