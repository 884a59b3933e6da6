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
    subject: String,
    from: i64,
    until: i64,
    name: Name,
    issuer: Name,
    key: Vec<u8>,
}

/// A distinguished name as it is encoded.
type Name = Vec<u8>;

/// A certificate that clients trust by itself: its name and its key.
#[derive(Debug, PartialEq)]
pub(super) struct Anchor {
    name: Name,
    key: Vec<u8>,
}

/// The anchor that a trusted certificate is at this time; `None` if it is not valid or damaged.
pub(super) fn anchor(certificate: &CertificateDer<'_>, now: i64) -> Option<Anchor> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    let is_valid = validity.not_before.timestamp() <= now && now <= validity.not_after.timestamp();
    is_valid.then(|| Anchor {
        name: certificate.subject().as_raw().to_owned(),
        key: certificate.public_key().raw.to_owned(),
    })
}

/// Whether a certificate above the first one is beyond a limit, so that it matters which of them
/// clients need.
pub(super) fn has_doubtful_issuer(chain: &[Validity], limits: Limits, now: i64) -> bool {
    let limit = i64::from(limits.warn.max(limits.fail)) * DAY;
    let mut issuers = chain.iter().skip(1);
    issuers.any(|issuer| issuer.from > now || issuer.until.saturating_sub(now) < limit)
}

/// Removes the certificates that no client needs that trusts these anchors.
///
/// A client that builds a path from the first certificate upwards ends it at a name and key that it
/// trusts by itself (RFC 5280, section 6.1.1). What a server sends for that name or above it, such as
/// a root that an older authority has signed across, may have expired.
pub(super) fn needed(mut chain: Vec<Validity>, anchors: &[Anchor]) -> Vec<Validity> {
    let is_trusted = |validity: &Validity| {
        let mut anchors = anchors.iter();
        anchors.any(|anchor| anchor.name == validity.name && anchor.key == validity.key)
    };
    let mut is_needless = vec![false; chain.len()];
    let mut is_above = vec![false; chain.len()];
    let mut ends = false;
    let mut issuers: Vec<_> = chain.iter().take(1).map(|first| &first.issuer).collect();
    while !issuers.is_empty() {
        let next = |(index, above): &(usize, &Validity)| {
            *index > 0 && !is_above[*index] && issuers.contains(&&above.name)
        };
        let found: Vec<_> = chain.iter().enumerate().filter(next).collect();
        ends |= found.iter().any(|(_, above)| is_trusted(above));
        for (index, _) in &found {
            is_above[*index] = true;
            is_needless[*index] = ends;
        }
        issuers = found.iter().map(|(_, above)| &above.issuer).collect();
    }
    let mut is_needless = is_needless.into_iter();
    chain.retain(|_| !is_needless.next().unwrap_or(false));
    chain
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

    /// A certificate for `name` with `key`, by `issuer`.
    fn signed(name: &str, key: &str, issuer: &str) -> Validity {
        Validity {
            subject: format!("{name} by {issuer}"),
            name: name.into(),
            issuer: issuer.into(),
            key: key.into(),
            ..valid(-9, 90 * DAY)
        }
    }

    fn left(chain: Vec<Validity>, trusted: &[(&str, &str)]) -> Vec<String> {
        let anchors: Vec<_> = { trusted.iter() }
            .map(|(name, key)| Anchor {
                name: (*name).into(),
                key: (*key).into(),
            })
            .collect();
        let chain = needed(chain, &anchors).into_iter();
        chain.map(|validity| validity.subject).collect()
    }

    /// The chain that Let's Encrypt served until 2024: `X1` is a root of its own by then, and the
    /// certificate for it is one that the older root `X3` has signed across.
    fn crossed() -> Vec<Validity> {
        vec![
            signed("leaf", "l", "R3"),
            signed("R3", "r", "X1"),
            signed("X1", "x", "X3"),
            signed("X3", "o", "X3"),
        ]
    }

    #[test]
    fn what_is_sent_for_a_trusted_root_and_above_it_is_needless() {
        assert_eq!(left(crossed(), &[("X1", "x")]), ["leaf by R3", "R3 by X1"]);
        // The key counts as well as the name.
        let all = ["leaf by R3", "R3 by X1", "X1 by X3", "X3 by X3"];
        assert_eq!(left(crossed(), &[("X1", "other")]), all);
        assert_eq!(left(crossed(), &[]), all);
        // With its own certificate beside the crossed one, in any order.
        let mut chain = crossed();
        chain.insert(1, signed("X1", "x", "X1"));
        assert_eq!(left(chain, &[("X1", "x")]), ["leaf by R3", "R3 by X1"]);
    }

    #[test]
    fn the_first_certificate_and_those_beside_its_path_are_needed() {
        let chain = vec![signed("root", "r", "root"), signed("other", "o", "other")];
        let trusted = [("root", "r"), ("other", "o")];
        assert_eq!(left(chain, &trusted), ["root by root", "other by other"]);
        // Two that name each other as issuer.
        let chain = vec![
            signed("a", "a", "b"),
            signed("b", "b", "a"),
            signed("a", "c", "b"),
        ];
        assert_eq!(left(chain, &[]), ["a by b", "b by a", "a by b"]);
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
