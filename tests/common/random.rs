//! Decisions that can be had again: the same parts, the same decisions.

/// A source of decisions.
pub(crate) struct Random(u64);

impl Random {
    /// What follows from these parts and nothing else.
    pub(crate) fn of(parts: &[u64]) -> Self {
        Self(parts.iter().fold(0, |state, part| mixed(state ^ part).wrapping_add(STEP)))
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0) % bound
    }
}

/// As SplitMix64 goes on from one state to the next.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Each state becomes another one, and no two the same.
fn mixed(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}
