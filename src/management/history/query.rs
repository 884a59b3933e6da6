//! The parameters of `/history`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use percent_encoding::percent_decode_str;

use crate::Probe;

/// The parameters.
#[derive(Clone, Debug, Default)]
pub(in crate::management) struct Query {
    /// `Some` if older entries are left out.
    pub(super) since: Option<SystemTime>,
    /// `Some` if only this check is wanted: its name, or `probe/name`.
    pub(super) check: Option<String>,
}

impl Query {
    pub(in crate::management) fn parse(text: &str, now: SystemTime) -> Result<Self, String> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode_str(value).decode_utf8();
            let value = decoded.map_err(|_| format!("{key}: must be UTF-8"))?;
            match key {
                "since" => query.since = Some(moment(&value, now)?),
                "check" => query.check = Some(value.into_owned()),
                _ => return Err("the parameters are `since` and `check`".to_owned()),
            }
        }
        Ok(query)
    }

    pub(super) fn wants(&self, time: SystemTime) -> bool {
        self.since.is_none_or(|since| time >= since)
    }

    pub(super) fn wants_check(&self, probe: Probe, name: &str) -> bool {
        match self.probe_and_name() {
            Some(wanted) => wanted == (probe, name),
            None => self.check.as_deref().is_none_or(|wanted| wanted == name),
        }
    }

    /// Returns what `readiness/db` names; `None` for a name alone, which never has a slash.
    pub(super) fn probe_and_name(&self) -> Option<(Probe, &str)> {
        let (probe, name) = self.check.as_deref()?.split_once('/')?;
        let mut probes = Probe::EACH.into_iter();
        Some((probes.find(|known| known.as_str() == probe)?, name))
    }
}

/// A time in RFC 3339, the seconds since 1970, or a span back from now such as `15m`.
fn moment(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    let expected = || {
        "since: must be a time such as 2026-11-21T03:00:00Z, the seconds since 1970, or a span such \
         as 15m"
            .to_owned()
    };
    if let Ok(seconds) = text.parse::<u64>() {
        let moment = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        return moment.ok_or_else(expected);
    }
    if let Ok(span) = humantime::parse_duration(text) {
        // A span from before 1970 wants everything.
        let moment = now.checked_sub(span).unwrap_or(UNIX_EPOCH);
        return Ok(moment.max(UNIX_EPOCH));
    }
    humantime::parse_rfc3339_weak(text).map_err(|_| expected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_time_and_a_check() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_800_000_000);
        let cases = [
            ("", None, None),
            ("since=900", Some(at(900)), None),
            ("since=15m", Some(at(1_800_000_000 - 900)), None),
            ("since=1h%2030m", Some(at(1_800_000_000 - 5400)), None),
            ("since=1970-01-01T00:15:00Z", Some(at(900)), None),
            ("since=9000years", Some(UNIX_EPOCH), None),
            ("check=db%3Alag&since=0", Some(at(0)), Some("db:lag")),
        ];
        for (text, since, check) in cases {
            let query = Query::parse(text, now).expect(text);
            assert_eq!(
                (query.since, query.check.as_deref()),
                (since, check),
                "{text}"
            );
        }
        for text in [
            "since=",
            "since=yesterday",
            "since=-5",
            "limit=5",
            "check=%ff",
        ] {
            assert!(Query::parse(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn a_check_is_named_alone_or_with_its_probe() {
        let query = |check: &str| Query {
            check: Some(check.to_owned()),
            ..Query::default()
        };
        let wants = |check| query(check).wants_check(Probe::Readiness, "db");
        assert!(wants("db") && wants("readiness/db"));
        assert!(!wants("startup/db") && !wants("readinessdb") && !wants("readiness") && !wants(""));
    }
}
