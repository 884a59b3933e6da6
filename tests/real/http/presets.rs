//! Presets against the servers that they are for. Those of servers that no package brings are in
//! `tests/core/network/http_presets.rs`, against the answers of their documentation.

use std::time::Duration;

use tower_health::Status;
use tower_health::indicators::HttpIndicator;

use crate::servers::clickhouse::ClickHouse;
use crate::servers::openbao::OpenBao;
use crate::support::verdict::{failure, passes};
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs OpenBao: .ci/test installs it"]
async fn a_vault_passes_and_fails_once_it_is_sealed() {
    let server = OpenBao::start().await;
    let vault = || HttpIndicator::new("vault", &server.url("")).vault();
    passes(&vault()).await;
    let watched = Watched::start("vault", vault());
    watched.passes().await;
    server.put("/v1/sys/seal", "").await;
    let said = watched.fails().await;
    assert!(
        said.ends_with("503 Service Unavailable: the server is sealed"),
        "{said}"
    );
}

#[tokio::test]
#[ignore = "needs OpenBao: .ci/test installs it"]
async fn a_vault_that_no_operator_has_initialized_fails() {
    let server = OpenBao::start_uninitialized().await;
    let said = failure(&HttpIndicator::new("vault", &server.url("")).vault()).await;
    assert!(
        said.ends_with("501 Not Implemented: the server is not initialized"),
        "{said}"
    );
}

#[tokio::test]
#[ignore = "needs OpenBao: .ci/test installs it"]
async fn an_openid_provider_passes_once_it_has_a_key() {
    let server = OpenBao::start().await;
    let at = |path: &str| HttpIndicator::new("login", &server.url(path)).openid_provider();
    let login = at("/v1/identity/oidc");
    let said = failure(&login).await;
    assert!(said.ends_with("there is no key in the set"), "{said}");
    let role = "/v1/identity/oidc/role/shop";
    server.put(role, r#"{"key":"default"}"#).await;
    passes(&login).await;
    let said = failure(&at("/v1/identity/oidc/provider/absent")).await;
    assert!(
        said.contains("/.well-known/openid-configuration: answered 4"),
        "{said}"
    );
}

#[tokio::test]
#[ignore = "needs ClickHouse: .ci/test installs it"]
async fn a_clickhouse_passes_fails_while_it_is_frozen_and_passes_again() {
    let mut server = ClickHouse::start().await;
    let clickhouse = || HttpIndicator::new("events", &server.url());
    passes(&clickhouse().clickhouse_replica()).await;
    let ping = clickhouse()
        .clickhouse()
        .timeout(Duration::from_millis(500));
    let watched = Watched::start("events", ping);
    watched.passes().await;
    server.freeze();
    let said = watched.turns_with(Status::Fail, "no answer within").await;
    assert!(said.contains("/ping: waiting for the answer"), "{said}");
    server.thaw();
    watched.passes().await;
}
