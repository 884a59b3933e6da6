//! Requests, probes, clones, drops and errors in any order: the contract holds, no clone keeps what
//! it does not use, and each request is served exactly once.

use proptest::prelude::*;

use super::model::{Run, Step, steps};
use super::strict::Says;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_interleaving_keeps_the_contract_and_serves_each_request_once(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.take(step);
        }
        run.finish();
    }
}

#[test]
fn requests_that_wait_in_several_clones_go_their_own_ways() {
    let mut run = Run::new();
    let story = [
        Step::Clone(0),
        Step::Say(Says::Pending),
        Step::Request(0),
        Step::Request(0),
        Step::Request(1),
        Step::Poll(0),
        Step::Poll(2),
        Step::Probe(0),
        Step::DropService(0),
        Step::DropRequest(1),
        Step::Say(Says::Broken),
        Step::Poll(0),
        Step::Probe(0),
        Step::Request(0),
        Step::Say(Says::Ready),
        Step::Request(0),
    ];
    for step in &story {
        run.take(step);
    }
    run.finish();
}
