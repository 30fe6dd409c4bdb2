//! What is known of one argument: as much as one condition of libseccomp can say.

/// A set of 64-bit numbers, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// Those whose bits in `mask` are `value`, which has no other bits: `SCMP_CMP_MASKED_EQ`.
    Bits {
        /// The bits that are fixed.
        mask: u64,
        /// How.
        value: u64,
    },
    /// All but this one: `SCMP_CMP_NE`.
    Not(u64),
}

impl Known {
    /// Nothing is known.
    pub const ANY: Self = Self::Bits { mask: 0, value: 0 };

    /// The numbers that are in both, as disjoint sets.
    pub(super) fn and(self, other: Self) -> Vec<Self> {
        match (self, other) {
            (Self::Bits { mask, value }, Self::Bits { mask: more, value: other }) => {
                let meet = (value ^ other) & mask & more == 0;
                let both = Self::Bits { mask: mask | more, value: value | other };
                meet.then_some(both).into_iter().collect()
            }
            (Self::Not(one), Self::Not(other)) if one == other => vec![self],
            (Self::Not(one), Self::Not(_)) => {
                differing(one, u64::MAX).flat_map(|bits| bits.and(other)).collect()
            }
            (Self::Not(number), bits) | (bits, Self::Not(number)) => bits.without(number),
        }
    }

    /// The numbers of this set but one.
    fn without(self, number: u64) -> Vec<Self> {
        match self {
            Self::ANY => vec![Self::Not(number)],
            Self::Bits { mask, value } if number & mask == value => {
                differing(number, !mask).flat_map(|bits| bits.and(self)).collect()
            }
            Self::Bits { .. } => vec![self],
            Self::Not(_) => self.and(Self::Not(number)),
        }
    }

    #[cfg(test)]
    pub(super) fn holds(self, number: u64) -> bool {
        match self {
            Self::Bits { mask, value } => number & mask == value,
            Self::Not(other) => number != other,
        }
    }
}

/// The numbers whose bits in `mask` are not those of `number`, as disjoint sets: by the lowest bit
/// in which they differ, because masks mostly keep low bits, so that what differs there has nothing
/// in common with the sets that another number gives.
pub(super) fn differing(number: u64, mask: u64) -> impl Iterator<Item = Known> {
    bits(mask).rev().map(move |bit| {
        let fixed = mask & (bit | (bit - 1));
        Known::Bits { mask: fixed, value: (number ^ bit) & fixed }
    })
}

/// The single bits of a word, highest first.
pub(super) fn bits(word: u64) -> impl DoubleEndedIterator<Item = u64> {
    (0..64).rev().map(|at| 1 << at).filter(move |bit| word & bit != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few bits, so that they meet; one in the upper half.
    fn word() -> impl Strategy<Value = u64> {
        (0..8_u64, prop::bool::ANY).prop_map(|(low, high)| low | u64::from(high) << 40)
    }

    fn known() -> impl Strategy<Value = Known> {
        let mask = prop_oneof![word(), Just(u64::MAX)];
        prop_oneof![
            (mask, word()).prop_map(|(mask, value)| Known::Bits { mask, value: value & mask }),
            word().prop_map(Known::Not),
        ]
    }

    proptest! {
        #[test]
        fn both_hold_in_exactly_one_part(
            one in known(),
            other in known(),
            numbers in prop::collection::vec(word(), 32),
        ) {
            let parts = one.and(other);
            for number in numbers {
                let holding = parts.iter().filter(|part| part.holds(number)).count();
                let expected = one.holds(number) && other.holds(number);
                prop_assert_eq!(holding, usize::from(expected), "{} in {:?}", number, &parts);
            }
        }
    }
}
