//! Counting the outcomes of a client allocates nothing.

use tower::{Layer, service_fn};
use tower_health::indicators::PassiveIndicator;

use crate::requests::{cost, plain};
use crate::support::counting::allocations;

#[test]
fn a_request_whose_outcome_is_counted_allocates_nothing() {
    let payments = PassiveIndicator::new("payments").layer();
    let mut service = payments.layer(service_fn(plain));
    assert_eq!(cost(&mut service, "/charge"), 0);
    assert_eq!(allocations(|| drop(service.clone())), 0);
}

#[test]
fn a_call_that_is_counted_by_hand_allocates_nothing() {
    let payments = PassiveIndicator::new("payments");
    assert_eq!(allocations(|| payments.call().answered()), 0);
    assert_eq!(allocations(|| payments.call().unanswered()), 0);
    assert_eq!(allocations(|| drop(payments.call())), 0);
}
