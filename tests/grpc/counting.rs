//! An allocator that knows what each thread holds, so that tests beside each other do not count
//! each other's.
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn add(bytes: isize) {
    // A thread that ends may allocate after its counter is gone.
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
        add(signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(signed(size) - signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        add(-signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

/// The bytes that this thread has asked for and not given back.
pub(crate) fn held() -> isize {
    HELD.get()
}

#[test]
fn what_is_given_back_is_not_held() {
    let before = held();
    let mut block = Vec::<u8>::with_capacity(1000);
    assert_eq!(held() - before, 1000);
    block.reserve_exact(3000);
    assert_eq!(held() - before, 3000);
    drop(block);
    assert_eq!(held(), before);
}
