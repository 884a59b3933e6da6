//! An allocator that counts what each thread asks of it, so that tests beside each other do not
//! count each other's.
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    // A thread that ends may allocate after its counter is gone.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is left to the allocator of the system; a counter without a destructor
// allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How often memory is allocated, or grown, while this runs on this thread.
pub(crate) fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

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
