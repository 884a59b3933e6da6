//! The allocator of this binary, which counts what each thread holds.

use crate::support::counting::{Counting, held};

#[global_allocator]
static COUNTING: Counting = Counting;

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
