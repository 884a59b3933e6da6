//! HashiCorp Vault and OpenBao.

use http::StatusCode;

use crate::indicators::HttpIndicator;
use crate::{CheckResult, Failure, Observation};

impl HttpIndicator {
    /// Checks that a Vault or OpenBao server can serve secrets. The URL is that of the server or of a
    /// balancer: `https://vault.internal:8200`.
    ///
    /// It requests `/v1/sys/health`, which needs no token. The status codes are those of Vault's API
    /// documentation ("/sys/health"):
    ///
    /// | status | the server is | verdict |
    /// |---|---|---|
    /// | 200 | active | pass |
    /// | 429 | a standby, which forwards requests to the active server | pass |
    /// | 473 | a performance standby, which answers reads itself | pass |
    /// | 474 | a standby that cannot reach the active server | fail |
    /// | 472 | a secondary for disaster recovery, which serves no clients | fail |
    /// | 501 | not initialized | fail |
    /// | 503 | sealed | fail |
    /// | 530 | removed from its cluster | fail |
    ///
    /// A standby passes because it serves every client, itself or by way of the active server.
    /// The check does not see whether the token of the application is still valid.
    ///
    /// ```
    /// use tower_health::indicators::HttpIndicator;
    ///
    /// let vault = HttpIndicator::new("vault", "http://vault.internal:8200").vault();
    /// ```
    pub fn vault(self) -> Self {
        self.path("/v1/sys/health").judge(judge)
    }
}

fn judge(status: StatusCode, _: &[u8]) -> CheckResult {
    let fault = match status.as_u16() {
        200 | 429 | 473 => return Ok(Observation::pass()),
        472 => "the server is a secondary for disaster recovery, which serves no clients",
        474 => "the server is a standby that cannot reach the active server",
        501 => "the server is not initialized",
        503 => "the server is sealed",
        530 => "the server was removed from its cluster",
        _ => "that is no answer of Vault's health endpoint",
    };
    Err(Failure::new(fault))
}
