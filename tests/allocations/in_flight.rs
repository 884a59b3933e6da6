//! Counting requests in flight allocates nothing.

use tower::{Layer, service_fn};
use tower_health::indicators::InFlightIndicator;

use crate::requests::{cost, plain};
use crate::support::counting::allocations;
use crate::support::layer;

#[test]
fn a_request_that_is_counted_allocates_nothing() {
    let in_flight = InFlightIndicator::new("in-flight").layer();
    let mut service = in_flight.layer(service_fn(plain));
    assert_eq!(cost(&mut service, "/orders"), 0);
    assert_eq!(cost(&mut layer().layer(service.clone()), "/orders"), 0);
    assert_eq!(allocations(|| drop(service.clone())), 0);
}
