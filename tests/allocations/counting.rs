//! The allocator of this binary, which counts how often each thread allocates.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::counting::{Counting, allocations};

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn every_kind_of_allocation_counts_and_freeing_does_not() {
    let mut text = String::new();
    assert_eq!(allocations(|| text.push('a')), 1);
    assert_eq!(allocations(|| text.reserve(1000)), 1);
    assert_eq!(allocations(|| drop(text)), 0);
    assert_eq!(allocations(|| drop(vec![0_u8; 1000])), 1);
    assert_eq!(allocations(|| drop(Box::new(1))), 1);
}

#[test]
fn what_another_thread_allocates_does_not_count() {
    let turn = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !turn.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            drop(vec![0_u8; 1000]);
            turn.store(false, Ordering::Release);
        });
        let here = allocations(|| {
            turn.store(true, Ordering::Release);
            while turn.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        });
        assert_eq!(here, 0);
    });
}
