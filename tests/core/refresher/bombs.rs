//! Values that panic when they are dropped.

use std::panic::panic_any;

/// Panics when it is dropped, unless a panic is under way: two at once end the process.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

/// Panics with a payload that panics when it is dropped, when it is dropped.
pub(crate) struct BombOfBombs;

impl Drop for BombOfBombs {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_any(Bomb);
        }
    }
}
