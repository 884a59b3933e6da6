//! The recorder with servers that come and go, and with disks that are full.

mod disk;
#[cfg(feature = "management")]
mod management;
mod outages;
mod rolling_up;
mod schema;

use std::time::SystemTime;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tower_health::recorder::{Archive, Simulation};

use crate::servers::postgres::Postgres;
use crate::support::recorded::Store;

/// A schema of its own in a server.
#[derive(Clone)]
struct Schema(PgPool);

impl Schema {
    async fn new(server: &Postgres, name: &str) -> Self {
        let plain = PgPoolOptions::new().connect_lazy_with(server.options());
        let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"));
        sqlx::raw_sql(create).execute(&plain).await.unwrap();
        plain.close().await;
        let options = server.options().options([("search_path", name)]);
        Self(
            PgPoolOptions::new()
                .max_connections(6)
                .connect_lazy_with(options),
        )
    }
}

impl Store for Schema {
    async fn process(&self, instance: &str, now: SystemTime) -> Simulation {
        let process = Simulation::postgres(self.0.clone(), ["shop", instance], now).await;
        process.unwrap()
    }

    fn archive(&self) -> Archive {
        Archive::postgres(self.0.clone())
    }
}
