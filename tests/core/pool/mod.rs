//! The engine under all indicators for pools, over a pool that does as it is told, in paused time and
//! with the default settings.

mod beside;
mod full;
mod pooled;
mod toy;
mod writes;

use tower_health::indicators::PoolIndicator;
use tower_health::{HealthIndicator, Observation, Status};

use self::toy::ToyPool;

fn indicator(pool: &ToyPool) -> PoolIndicator<ToyPool> {
    PoolIndicator::over("toys", pool.clone())
}

async fn passes(indicator: &PoolIndicator<ToyPool>) {
    let observation = indicator.check().await.unwrap();
    assert_eq!(observation.status(), Status::Pass, "{observation:?}");
}

async fn warning(indicator: &PoolIndicator<ToyPool>) -> String {
    let observation: Observation = indicator.check().await.unwrap();
    assert_eq!(observation.status(), Status::Warn, "{observation:?}");
    observation.output().unwrap().to_owned()
}

async fn failure(indicator: &PoolIndicator<ToyPool>) -> String {
    let result = indicator.check().await;
    result.unwrap_err().output().to_owned()
}
