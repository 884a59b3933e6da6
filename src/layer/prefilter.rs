//! A filter with which most requests skip the path table.

/// Rules out most paths by their length and the byte after their first `/`. It has one bit for each
/// length and each such byte of a path that the layer answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prefilter {
    /// Lengths from 63 on share a bit.
    lengths: u64,
    /// Bytes that differ by a multiple of 64 share a bit.
    letters: u64,
}

impl Prefilter {
    /// Returns a filter that matches this path.
    pub(super) fn exactly(path: &str) -> Self {
        Self {
            lengths: length_bit(path),
            letters: letter_bit(path),
        }
    }

    /// Returns a filter that matches this path, and every longer one that starts with it.
    pub(super) fn starting_with(path: &str) -> Self {
        Self {
            lengths: !(length_bit(path) - 1),
            letters: letter_bit(path),
        }
    }

    /// Returns a filter that matches what either of the two matches.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            lengths: self.lengths | other.lengths,
            letters: self.letters | other.letters,
        }
    }

    /// Returns `false` only for a path that the layer certainly does not answer.
    #[inline(always)]
    pub(super) fn may_match(self, path: &str) -> bool {
        self.lengths & length_bit(path) != 0 && self.letters & letter_bit(path) != 0
    }
}

#[inline(always)]
fn length_bit(path: &str) -> u64 {
    1 << path.len().min(63)
}

#[inline(always)]
fn letter_bit(path: &str) -> u64 {
    let letter = path.as_bytes().get(1).unwrap_or(&0);
    1 << (letter % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_matches_itself_and_what_is_longer_and_nothing_shorter() {
        let filter = Prefilter::starting_with("/readyz/");
        for (path, expected) in [
            ("/readyz/", true),
            ("/readyz/db", true),
            ("/readyz", false),
            ("/r", false),
            ("", false),
        ] {
            assert_eq!(filter.may_match(path), expected, "{path:?}");
        }
    }
}
