//! What variables of the service's environment change.

use std::time::Duration;

use super::Settings;
use crate::units;

impl Settings {
    /// Takes what these variables change; of two with the same name, the last one holds.
    ///
    /// An empty variable counts as unset, as for the service.
    pub(crate) fn override_by(&mut self, env: &[(String, String)]) {
        let value = |name: &str| {
            let (_, value) = env.iter().rev().find(|(own, _)| own == name)?;
            (!value.is_empty()).then_some(value.as_str())
        };
        let duration = |name: &str| units::duration(value(name)?, Duration::from_millis(1));
        let port = |name: &str| value(name)?.parse::<u16>().ok();
        for (listener, port) in [
            ("api", port("API_PORT").or(port("PORT"))),
            ("management", port("MANAGEMENT_PORT")),
            ("web", port("WEB_PORT")),
        ] {
            if let Some(port) = port {
                self.ports.insert(listener.to_owned(), port);
            }
        }
        for (name, slot) in [
            ("HEALTH_TTL", &mut self.ttl),
            ("HEALTH_DRAIN_DELAY", &mut self.drain_delay),
            ("HEALTH_DRAIN_CAP", &mut self.drain_cap),
        ] {
            *slot = duration(name).unwrap_or(*slot);
        }
        for (check, ttl) in &mut self.checks {
            let name = format!("{}_CHECK_TTL", check.to_ascii_uppercase().replace('-', "_"));
            *ttl = duration(&name).or(*ttl);
        }
        if let Some(gate) = self.gates.get_mut("migrations") {
            *gate = duration("MIGRATION_TIMEOUT").unwrap_or(*gate);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Settings;

    fn with(env: &[(&str, &str)]) -> Settings {
        let text = "[gates]\nmigrations = \"60s\"\n[checks.database]\nttl = \"5s\"\n";
        let mut settings = Settings::parse(text).unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        settings.override_by(&env.iter().map(owned).collect::<Vec<_>>());
        settings
    }

    #[test]
    fn the_port_of_the_api_wins_over_that_of_the_platform_in_either_order() {
        for env in [
            [("API_PORT", "9000"), ("PORT", "80")],
            [("PORT", "80"), ("API_PORT", "9000")],
        ] {
            assert_eq!(with(&env).ports["api"], 9000);
        }
        assert_eq!(with(&[("PORT", "80")]).ports["api"], 80);
        assert_eq!(with(&[("API_PORT", ""), ("PORT", "80")]).ports["api"], 80);
        assert_eq!(with(&[("PORT", "")]).ports["api"], 8080);
    }

    #[test]
    fn the_ttl_of_a_check_wins_over_that_of_all() {
        let seconds = |env: &[(&str, &str)]| with(env).renewal().as_secs();
        assert_eq!(seconds(&[("HEALTH_TTL", "60s")]), 5);
        assert_eq!(seconds(&[("DATABASE_CHECK_TTL", "2s")]), 2);
        assert_eq!(seconds(&[("DATABASE_CHECK_TTL", "")]), 5);
    }

    #[test]
    fn the_gate_of_the_migrations_takes_as_long_as_its_variable_says() {
        let settings = with(&[("MIGRATION_TIMEOUT", "4m")]);
        assert_eq!(settings.startup(), Some(Duration::from_secs(240)));
    }
}
