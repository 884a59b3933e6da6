//! An allocator that counts what each thread asks of it, and what it gives back.
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static COST: Cell<Cost> = const { Cell::new(Cost { allocations: 0, bytes: 0, kept: 0 }) };
}

/// What was asked of the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How often memory was allocated, or grown.
    pub allocations: u64,
    /// How many bytes that were. Of a block that grows, those by which it does.
    pub bytes: u64,
    /// How many bytes were not given back, or more were than were asked for.
    pub kept: i64,
}

/// What this costs on this thread.
pub fn cost<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let before = COST.get();
    let result = run();
    let after = COST.get();
    let cost = Cost {
        allocations: after.allocations - before.allocations,
        bytes: after.bytes - before.bytes,
        kept: after.kept - before.kept,
    };
    (result, cost)
}

struct Counting;

fn count(allocations: u64, bytes: usize, freed: usize) {
    // A thread that ends may allocate after its counter is gone.
    let _ = COST.try_with(|cell| {
        let mut cost = cell.get();
        cost.allocations += allocations;
        cost.bytes += bytes as u64;
        cost.kept += bytes as i64 - freed as i64;
        cell.set(cost);
    });
}

// SAFETY: everything is left to the allocator of the system; a counter without a destructor
// allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (grown, shrunk) = (
            size.saturating_sub(layout.size()),
            layout.size().saturating_sub(size),
        );
        count(1, grown, shrunk);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}
