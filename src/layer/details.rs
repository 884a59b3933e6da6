//! The details policy: which callers may see more than a status.

use crate::catch::{CatchDrop, catch_panic, log};
use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, Method, Request, Uri};

use crate::model::{OptionFault, Problem};

/// Decides which callers may see the detailed report, single checks, and the verbose text.
///
/// For all other callers these do not exist. A credential never changes the status code of a probe.
///
/// ```
/// use tower_health::{Details, Health, HealthLayer, Status};
///
/// let health = Health::fixed(Status::Pass);
/// // On the public port, for callers who know the token.
/// let token = std::env::var("HEALTH_TOKEN").unwrap_or_else(|_| "s3cret".to_owned());
/// let public = HealthLayer::builder(health.clone()).details(Details::bearer(token)).build()?;
/// // On a port that only operators reach, for every caller.
/// let admin = HealthLayer::builder(health).details(Details::always()).build()?;
/// # Ok::<(), tower_health::BuildError>(())
/// ```
///
/// # gRPC
///
/// The names of services are details too. With feature `grpc`, the method `List` returns every
/// service to a caller who may see details, and only the four standard ones to all others.
/// `HealthLayerBuilder::grpc_list` sets another policy for it. `Check` and `Watch` need no policy:
/// their caller already knows the name.
#[derive(Clone, Default)]
pub struct Details(Policy);

#[derive(Clone, Default)]
enum Policy {
    #[default]
    Never,
    Always,
    When(Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>),
    Bearer(String),
}

/// Head of a request, as a [details predicate](Details::when) sees it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target.
    pub uri: &'a Uri,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The values that servers and outer layers attached, such as the address of the peer.
    pub extensions: &'a Extensions,
}

/// Leaves out the values of header fields, which can be credentials.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("headers", &self.headers.keys())
            .finish_non_exhaustive()
    }
}

impl<'a> RequestHead<'a> {
    pub(super) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl Details {
    /// Shows details to no caller. This is the default.
    pub const fn never() -> Self {
        Self(Policy::Never)
    }

    /// Shows details to every caller, for a listener that only operators reach.
    ///
    /// With this policy, and no other, `?exclude=` changes status codes too, as in kube-apiserver.
    pub const fn always() -> Self {
        Self(Policy::Always)
    }

    /// Shows details to a caller for whom this predicate returns `true`. A panic counts as `false`.
    ///
    /// The predicate runs for requests to probe paths and one segment below them, and with feature
    /// `grpc` for calls of `List` (a POST over HTTP/2 to `/grpc.health.v1.Health/List`). The request
    /// waits for it, so keep it quick.
    pub fn when(predicate: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        let predicate = CatchDrop::new(predicate);
        Self(Policy::When(Arc::new(move |head: &RequestHead<'_>| {
            (*predicate)(head)
        })))
    }

    /// Shows details to a caller who sends `Authorization: Bearer {token}` (RFC 6750, section 2.1).
    ///
    /// The time of the comparison does not depend on where a wrong token differs. A predicate that
    /// compares with `==` would leak the token byte by byte.
    ///
    /// The layer does not build with a token that is empty or has anything but printable ASCII
    /// without spaces.
    pub fn bearer(token: impl Into<String>) -> Self {
        Self(Policy::Bearer(token.into()))
    }

    pub(super) fn problem(&self) -> Option<Problem> {
        let Self(Policy::Bearer(token)) = self else {
            return None;
        };
        let fault = if token.is_empty() {
            OptionFault::Text("must not be empty")
        } else if token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        } else {
            OptionFault::Text("must be printable ASCII without spaces")
        };
        Some(Problem::option(None, "bearer token", fault))
    }

    /// Returns an error if no client could send the token.
    #[cfg(feature = "management")]
    pub(crate) fn check(&self) -> Result<(), crate::model::BuildError> {
        crate::model::BuildError::check(self.problem().into_iter().collect())
    }

    /// Returns whether no caller can see details, whatever the request.
    #[inline]
    pub(super) fn are_off(&self) -> bool {
        matches!(self.0, Policy::Never)
    }

    pub(super) fn are_for_every_caller(&self) -> bool {
        matches!(self.0, Policy::Always)
    }

    pub(crate) fn allow<B>(&self, request: &Request<B>) -> bool {
        match &self.0 {
            Policy::Never => false,
            Policy::Always => true,
            Policy::When(predicate) => catch_panic(|| predicate(&RequestHead::of(request)))
                .unwrap_or_else(|| {
                    log!(
                        ERROR,
                        "the details predicate panicked; the caller sees no details"
                    );
                    false
                }),
            Policy::Bearer(token) => has_token(request.headers(), token),
        }
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Policy::Never => "Details::never",
            Policy::Always => "Details::always",
            Policy::When(_) => "Details::when(..)",
            Policy::Bearer(_) => "Details::bearer(..)",
        })
    }
}

/// Returns whether there is exactly one credential, well-formed and with this token.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let mut credentials = headers.get_all(AUTHORIZATION).iter();
    let (Some(credential), None) = (credentials.next(), credentials.next()) else {
        return false;
    };
    let given = credential.as_bytes().split_at_checked("Bearer ".len());
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case(b"Bearer ") && equal_in_constant_time(given, token.as_bytes())
    })
}

/// Compares every given byte, wherever the first difference is. The time may reveal the length of the
/// token, but not its bytes.
fn equal_in_constant_time(given: &[u8], token: &[u8]) -> bool {
    let mut difference = u8::from(given.len() != token.len());
    for (index, byte) in given.iter().enumerate() {
        // `token` is not empty: the builder refuses an empty one.
        difference |= black_box(byte ^ token[index % token.len()]);
    }
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_well_formed_credential_with_the_token_opens_the_details() {
        let cases: [(&[&str], bool); 11] = [
            (&["Bearer s3cret"], true),
            (&["bearer s3cret"], true),
            (&["Bearer s3cre"], false),
            (&["Bearer s3crets"], false),
            (&["Bearer s3creT"], false),
            (&["Bearer "], false),
            (&["Bearer"], false),
            (&[""], false),
            (&["Basic s3cret"], false),
            (&["Bearer s3cret", "Bearer s3cret"], false),
            (&[], false),
        ];
        let details = Details::bearer("s3cret");
        for (credentials, expected) in cases {
            let mut request = Request::new(());
            for credential in credentials {
                let value = credential.parse().expect("a header value");
                request.headers_mut().append(AUTHORIZATION, value);
            }
            assert_eq!(details.allow(&request), expected, "{credentials:?}");
        }
        let mut request = Request::new(());
        let huge = format!("Bearer {}", "s3cret".repeat(10_000));
        request
            .headers_mut()
            .insert(AUTHORIZATION, huge.parse().expect("a header value"));
        assert!(!details.allow(&request));
    }

    #[test]
    fn a_token_that_cannot_be_sent_is_refused() {
        for token in ["", "two words", "größe"] {
            assert!(Details::bearer(token).problem().is_some(), "{token:?}");
        }
        assert!(Details::bearer("s3cret").problem().is_none());
    }
}
