//! The dates of certificates, compared with a given time. No file, no network, no clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use humantime::format_rfc3339_seconds;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::{CheckResult, Failure, Observation};

const DAY: i64 = 24 * 60 * 60;

/// The numbers of days left below which a check warns and fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) warn: u32,
    pub(super) fail: u32,
}

/// The period in which one certificate is valid, in seconds since 1970, both ends included.
#[derive(Debug)]
pub(super) struct Validity {
    pub(super) subject: String,
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) name: Name,
    pub(super) issuer: Name,
    pub(super) key: Vec<u8>,
}

/// A distinguished name as it is encoded.
pub(super) type Name = Vec<u8>;

/// Whether a certificate above the first one is beyond a limit, so that it matters which of them
/// clients need.
pub(super) fn has_doubtful_issuer(chain: &[Validity], limits: Limits, now: i64) -> bool {
    let limit = i64::from(limits.warn.max(limits.fail)) * DAY;
    let mut issuers = chain.iter().skip(1);
    issuers.any(|issuer| issuer.from > now || issuer.until.saturating_sub(now) < limit)
}

/// Parses the dates of each certificate of a chain.
pub(super) fn dates(chain: &[CertificateDer<'_>]) -> Result<Vec<Validity>, String> {
    let mut dates = Vec::new();
    for (index, certificate) in chain.iter().enumerate() {
        let (_, certificate) = X509Certificate::from_der(certificate)
            .map_err(|error| format!("certificate {} is damaged: {error}", index + 1))?;
        dates.push(Validity {
            subject: certificate.subject().to_string(),
            from: certificate.validity().not_before.timestamp(),
            until: certificate.validity().not_after.timestamp(),
            name: certificate.subject().as_raw().to_owned(),
            issuer: certificate.issuer().as_raw().to_owned(),
            key: certificate.public_key().raw.to_owned(),
        });
    }
    match dates.is_empty() {
        true => Err("there is no certificate".to_owned()),
        false => Ok(dates),
    }
}

/// Seconds since 1970.
pub(super) fn seconds(now: SystemTime) -> Result<i64, Failure> {
    match now.duration_since(UNIX_EPOCH) {
        Ok(since) => Ok(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
        Err(_) => Err(Failure::new("the clock of this machine is before 1970")),
    }
}

/// Compares the certificate of a chain that expires first with the limits. `source` is the file or
/// the server.
pub(super) fn judge(source: &str, chain: &[Validity], limits: Limits, now: i64) -> CheckResult {
    let Some(first) = chain.iter().min_by_key(|validity| validity.until) else {
        return Err(Failure::new(format!("{source}: there is no certificate")));
    };
    let left = first.until.saturating_sub(now).div_euclid(DAY);
    let which = |validity: &Validity| format!("{source}: certificate {}", validity.subject);

    if let Some(early) = chain.iter().find(|validity| validity.from > now) {
        let from = date(early.from);
        let text = format!("{} is not valid before {from}", which(early));
        return Err(Failure::new(text).measurement("daysLeft", left, "d"));
    }
    let until = date(first.until);
    if first.until < now {
        let text = format!("{} expired at {until}", which(first));
        return Err(Failure::new(text).measurement("daysLeft", left, "d"));
    }
    let text = format!("{} expires at {until}, in {left} days", which(first));
    if left < i64::from(limits.fail) {
        return Err(Failure::new(text).measurement("daysLeft", left, "d"));
    }
    let observation = match left < i64::from(limits.warn) {
        true => Observation::warn(text),
        false => Observation::pass(),
    };
    Ok(observation.measurement("daysLeft", left, "d"))
}

fn date(seconds: i64) -> String {
    // RFC 3339 ends with the year 9999, as X.509 does.
    const LAST: u64 = 253_402_300_799;
    match u64::try_from(seconds) {
        Ok(seconds @ ..=LAST) => {
            format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
        }
        _ => format!("{seconds} s after 1970"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests end where they go wrong")]
mod tests {
    use super::*;
    use crate::Status;

    const NOW: i64 = 1_800_000_000;

    fn valid(from_days: i64, until_seconds: i64) -> Validity {
        Validity {
            subject: "CN=test".to_owned(),
            from: NOW + from_days * DAY,
            until: NOW + until_seconds,
            name: Name::new(),
            issuer: Name::new(),
            key: Vec::new(),
        }
    }

    fn judged(chain: &[Validity]) -> Result<Status, String> {
        let limits = Limits { warn: 14, fail: 2 };
        let result = judge("here", chain, limits, NOW);
        result
            .map(|observation| observation.status)
            .map_err(|failure| failure.output().to_owned())
    }

    #[test]
    fn the_limits_are_exact_to_the_second() {
        assert_eq!(judged(&[valid(-1, 14 * DAY)]), Ok(Status::Pass));
        assert_eq!(judged(&[valid(-1, 14 * DAY - 1)]), Ok(Status::Warn));
        assert_eq!(judged(&[valid(-1, 2 * DAY)]), Ok(Status::Warn));
        let text = judged(&[valid(-1, 2 * DAY - 1)]).unwrap_err();
        assert!(text.ends_with("in 1 days"), "{text}");
        let text = judged(&[valid(-1, -1)]).unwrap_err();
        assert!(text.contains("CN=test expired at 2027-"), "{text}");
    }

    #[test]
    fn the_certificate_that_expires_first_counts() {
        let chain = [
            valid(-9, 90 * DAY),
            valid(-9, 3 * DAY),
            valid(-9, 900 * DAY),
        ];
        assert_eq!(judged(&chain), Ok(Status::Warn));
    }

    #[test]
    fn a_certificate_that_is_not_valid_yet_fails() {
        let text = judged(&[valid(-9, 90 * DAY), valid(1, 90 * DAY)]).unwrap_err();
        assert!(text.contains("not valid before"), "{text}");
    }

    #[test]
    fn dates_beyond_the_calendar_do_not_panic() {
        assert_eq!(date(i64::MAX), "9223372036854775807 s after 1970");
        assert_eq!(date(-1), "-1 s after 1970");
        assert_eq!(date(253_402_300_799), "9999-12-31T23:59:59Z");
    }
}
