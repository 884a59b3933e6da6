//! Which certificates of a chain clients need, by their names and keys. No file, no network, no clock.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::chain::{Name, Validity};

/// A certificate that clients trust by itself: its name and its key, and from when until when, in
/// seconds since 1970.
#[derive(Clone)]
pub(super) struct Anchor {
    name: Name,
    key: Vec<u8>,
    from: i64,
    until: i64,
}

/// The anchor that a trusted certificate is; `None` if it is damaged.
pub(super) fn anchor(certificate: &CertificateDer<'_>) -> Option<Anchor> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(Anchor {
        name: certificate.subject().as_raw().to_owned(),
        key: certificate.public_key().raw.to_owned(),
        from: certificate.validity().not_before.timestamp(),
        until: certificate.validity().not_after.timestamp(),
    })
}

/// Removes the certificates that no client needs that trusts those of these anchors that are valid.
///
/// A client that builds a path from the first certificate upwards ends it at a name and key that it
/// trusts by itself (RFC 5280, section 6.1.1). What a server sends for that name or above it, such as
/// a root that an older authority has signed across, may have expired. Of several certificates for
/// one name and key a client needs one, and has to put up with the others (RFC 8446, section 4.4.2).
pub(super) fn needed(mut chain: Vec<Validity>, anchors: &[Anchor], now: i64) -> Vec<Validity> {
    let is_trusted = |validity: &Validity| {
        let is_valid = |anchor: &&Anchor| anchor.from <= now && now <= anchor.until;
        let mut anchors = anchors.iter().filter(is_valid);
        anchors.any(|anchor| anchor.name == validity.name && anchor.key == validity.key)
    };
    let is_spare: Vec<_> = (0..chain.len())
        .map(|index| index > 0 && is_spare(&chain, index, now))
        .collect();
    let on_any_path = above(&chain, |_| true, |_| false);
    let on_path = above(&chain, |index| !is_spare[index], is_trusted);
    let mut indices = 0..;
    chain.retain(|_| {
        let index = indices.next().unwrap_or(0);
        !is_spare[index] && (on_path[index] || !on_any_path[index])
    });
    chain
}

/// Whether there is another certificate for the same name and key that is valid for longer.
fn is_spare(chain: &[Validity], index: usize, now: i64) -> bool {
    let one = &chain[index];
    let worth = |validity: &Validity, at: usize| {
        (validity.from <= now, validity.until, std::cmp::Reverse(at))
    };
    let mut others = chain.iter().enumerate().filter(|(at, _)| *at != index);
    others.any(|(at, other)| {
        let is_same = other.name == one.name && other.key == one.key;
        is_same && worth(other, at) > worth(one, index)
    })
}

/// Which of the certificates that `counts` lie on a path from the first one upwards, which ends where
/// one `ends` it.
fn above(
    chain: &[Validity],
    counts: impl Fn(usize) -> bool,
    ends: impl Fn(&Validity) -> bool,
) -> Vec<bool> {
    let mut is_above = vec![false; chain.len()];
    let mut issuers: Vec<_> = chain.iter().take(1).map(|first| &first.issuer).collect();
    while !issuers.is_empty() {
        let next = |(index, above): &(usize, &Validity)| {
            *index > 0 && !is_above[*index] && counts(*index) && issuers.contains(&&above.name)
        };
        let found: Vec<_> = chain.iter().enumerate().filter(next).collect();
        if found.iter().any(|(_, above)| ends(above)) {
            break;
        }
        for (index, _) in &found {
            is_above[*index] = true;
        }
        issuers = found.iter().map(|(_, above)| &above.issuer).collect();
    }
    is_above
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;
    const NOW: i64 = 1_800_000_000;

    /// A certificate for `name` with `key`, by `issuer`.
    fn signed(name: &str, key: &str, issuer: &str) -> Validity {
        Validity {
            subject: format!("{name} by {issuer}"),
            from: NOW - 9 * DAY,
            until: NOW + 90 * DAY,
            name: name.into(),
            issuer: issuer.into(),
            key: key.into(),
        }
    }

    fn left(chain: Vec<Validity>, trusted: &[(&str, &str)]) -> Vec<String> {
        let anchors: Vec<_> = { trusted.iter() }
            .map(|(name, key)| Anchor {
                name: (*name).into(),
                key: (*key).into(),
                from: NOW - DAY,
                until: NOW + DAY,
            })
            .collect();
        let chain = needed(chain, &anchors, NOW).into_iter();
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

    fn expired(mut validity: Validity) -> Validity {
        validity.until = NOW - DAY;
        validity.subject.push_str(", expired");
        validity
    }

    #[test]
    fn of_two_for_one_name_and_key_the_one_that_is_valid_for_longer_is_needed() {
        // What was above the other one only is needless as well.
        for order in [[1, 2, 3], [2, 1, 3], [3, 2, 1]] {
            let all = [
                signed("leaf", "l", "R3"),
                expired(signed("R3", "r", "X3")),
                signed("R3", "r", "X1"),
                expired(signed("X3", "o", "X3")),
            ];
            let [leaf, all @ ..] = all;
            let mut all = all.map(Some);
            let mut chain = vec![leaf];
            chain.extend(order.iter().filter_map(|index| all[index - 1].take()));
            assert_eq!(left(chain, &[]), ["leaf by R3", "R3 by X1"], "{order:?}");
        }
        // Twice the same one, and an older certificate of the server.
        let twice = vec![
            signed("leaf", "l", "R3"),
            expired(signed("leaf", "l", "R3")),
            signed("R3", "r", "X1"),
            signed("R3", "r", "X1"),
        ];
        assert_eq!(left(twice, &[]), ["leaf by R3", "R3 by X1"]);
    }

    #[test]
    fn the_first_one_and_one_with_another_key_cannot_be_replaced() {
        let renewed = vec![
            expired(signed("leaf", "l", "R3")),
            signed("leaf", "l", "R3"),
            expired(signed("R3", "r", "X1")),
            signed("R3", "other", "X1"),
        ];
        let all = [
            "leaf by R3, expired",
            "leaf by R3",
            "R3 by X1, expired",
            "R3 by X1",
        ];
        assert_eq!(left(renewed, &[]), all);
        let mut early = signed("R3", "r", "X1");
        early.from = NOW + DAY;
        early.until = NOW + 900 * DAY;
        let chain = vec![signed("leaf", "l", "R3"), early, signed("R3", "r", "X2")];
        assert_eq!(left(chain, &[]), ["leaf by R3", "R3 by X2"]);
    }

    #[test]
    fn an_anchor_that_has_expired_is_none() {
        let mut anchor = Anchor {
            name: "X1".into(),
            key: "x".into(),
            from: NOW - DAY,
            until: NOW - 1,
        };
        let count = |anchor: &Anchor| needed(crossed(), std::slice::from_ref(anchor), NOW).len();
        assert_eq!(count(&anchor), 4);
        anchor.until = NOW;
        assert_eq!(count(&anchor), 2);
        anchor.from = NOW + 1;
        assert_eq!(count(&anchor), 4);
    }
}
