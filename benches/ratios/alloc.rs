//! Counts what each thread allocates and frees.
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static COST: Cell<Cost> = const { Cell::new(Cost { allocations: 0, bytes: 0, kept: 0 }) };
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// How often memory was allocated or grown.
    pub(crate) allocations: u64,
    /// How many bytes that were. A block that grows counts only what is added.
    pub(crate) bytes: u64,
    /// Bytes allocated minus bytes freed.
    pub(crate) kept: i64,
}

/// Returns what `run` costs on this thread.
pub(crate) fn cost<T>(run: impl FnOnce() -> T) -> (T, Cost) {
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

fn count(allocations: u64, allocated: usize, freed: usize) {
    // A thread may still allocate while it ends, when its counter is gone.
    let _ = COST.try_with(|cell| {
        let mut cost = cell.get();
        cost.allocations += allocations;
        cost.bytes += allocated as u64;
        cost.kept += allocated as i64 - freed as i64;
        cell.set(cost);
    });
}

// SAFETY: every call goes to the system's allocator unchanged, and counting allocates nothing: the
// counter has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (old, new) = (layout.size(), size);
        count(1, new.saturating_sub(old), old.saturating_sub(new));
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}
