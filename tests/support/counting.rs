//! An allocator that counts for each thread apart, so that tests beside each other do not count
//! each other's.
//!
//! A binary that counts declares it as its global allocator.
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub(crate) struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// How often memory is allocated, or grown, while this runs on this thread.
pub(crate) fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// The bytes that this thread has allocated and not freed.
pub(crate) fn held() -> isize {
    HELD.get()
}

fn count() {
    // A thread that ends may allocate after its counter is gone.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

fn hold(bytes: isize) {
    // As above.
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

/// No layout is larger than `isize::MAX`.
fn signed(size: usize) -> isize {
    size as isize
}

// SAFETY: everything is left to the allocator of the system; a counter without a destructor
// allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        hold(signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        hold(signed(size) - signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        hold(-signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}
