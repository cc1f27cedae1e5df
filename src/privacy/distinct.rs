//! How many different values a group has.
//!
//! # Claim
//! If a unit counts with at most m values in a group, and in at most g groups, adding or removing
//! it moves the number of different values by at most m in one group, √g · m in L2 and g · m in
//! L1 over all groups.
//!
//! # Argument
//! The values of a group are the union of those that each unit keeps there. Which those are
//! depends on the unit's own rows alone: the first m in the order of a hash of unit and value. So
//! removing a unit takes at most its own m values from the union, and changes none of the others.
//! Values that other units have as well stay, so the sum over units would be another number; this
//! is why such a count is not among what is summed unit by unit.
//!
//! # Test
//! `interpret` removes one unit from random tables and compares (`tests/neighbours.rs`).

/// Values of one unit that count in one group, where it may have `rows` rows and there can be
/// `most` values. Both are enforced, not believed.
pub fn kept(rows: u32, most: Option<u32>) -> u32 {
    most.map_or(rows, |most| most.min(rows)).max(1)
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn the_fewer_of_rows_and_values_are_kept_and_one_at_least() {
        assert_eq!((kept(4, None), kept(4, Some(2)), kept(2, Some(9))), (4, 2, 2));
        assert_eq!((kept(0, None), kept(3, Some(0)), kept(0, Some(3))), (1, 1, 1));
    }
}
