//! Sets of calls told by their argument bits, for targets in which order means nothing.
//!
//! A cube fixes some bits of some arguments and leaves the others free: exactly what
//! `SCMP_CMP_MASKED_EQ` can say with one condition for each argument. Every test is a union of
//! disjoint cubes, and so is its negation, so ordered clauses become disjoint rules without loss.

use crate::seccomp::filter::{Action, Clause, RegisterTest, Relation};

/// All calls whose `arguments & mask` are `value`; `value` has no bit outside of `mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cube {
    mask: [u64; 6],
    value: [u64; 6],
}

impl Cube {
    /// Every call.
    pub const ALL: Self = Self { mask: [0; 6], value: [0; 6] };

    /// Per argument that matters: its index, the bits that are fixed, and how.
    pub fn conditions(&self) -> impl Iterator<Item = (usize, u64, u64)> + '_ {
        (0..6).map(|at| (at, self.mask[at], self.value[at])).filter(|(_, mask, _)| *mask != 0)
    }

    /// The calls of this cube whose bits `mask` of one argument are `value`.
    fn fix(mut self, argument: usize, mask: u64, value: u64) -> Option<Self> {
        let both = self.mask[argument] & mask;
        if (self.value[argument] ^ value) & both != 0 {
            return None;
        }
        self.mask[argument] |= mask;
        self.value[argument] |= value;
        Some(self)
    }

    /// The calls that are in both.
    fn and(&self, other: &Self) -> Option<Self> {
        other.conditions().try_fold(*self, |cube, (at, mask, value)| cube.fix(at, mask, value))
    }
}

/// The single bits of a word, highest first.
fn bits(word: u64) -> impl DoubleEndedIterator<Item = u64> {
    (0..64).rev().map(|at| 1 << at).filter(move |bit| word & bit != 0)
}

/// The calls for which a test holds, as disjoint cubes.
fn test(test: &RegisterTest) -> Vec<Cube> {
    let equal = || equal(test).into_iter();
    match test.relation() {
        Relation::Equal => equal().collect(),
        Relation::NotEqual => different(test),
        Relation::Less => beside(test, false),
        Relation::Greater => beside(test, true),
        Relation::LessOrEqual => equal().chain(beside(test, false)).collect(),
        Relation::GreaterOrEqual => equal().chain(beside(test, true)).collect(),
    }
}

fn equal(test: &RegisterTest) -> Option<Cube> {
    let possible = test.value() & !test.mask() == 0;
    possible.then(|| Cube::ALL.fix(usize::from(test.argument()), test.mask(), test.value()))?
}

/// The registers that differ from the test's value: by the lowest bit in which they do, because
/// masks mostly keep low bits, so that what differs there has nothing in common with the cubes of
/// another value.
fn different(test: &RegisterTest) -> Vec<Cube> {
    if equal(test).is_none() {
        return vec![Cube::ALL];
    }
    let (argument, value) = (usize::from(test.argument()), test.value());
    let differing = bits(test.mask()).rev().map(|bit| {
        let fixed = test.mask() & (bit | (bit - 1));
        Cube::ALL.fix(argument, fixed, (value ^ bit) & fixed)
    });
    differing.flatten().collect()
}

/// The registers above (or below) the test's value: by the highest bit in which they differ from
/// it.
fn beside(test: &RegisterTest, above: bool) -> Vec<Cube> {
    let (argument, mask, value) = (usize::from(test.argument()), test.mask(), test.value());
    // A bit of the value that the mask hides is more than the register's at that place: what is
    // equal before is below.
    let hidden = bits(value & !mask).next();
    let compared = mask & hidden.map_or(u64::MAX, |bit| !(bit | (bit - 1)));
    let below =
        hidden.filter(|_| !above).and_then(|_| Cube::ALL.fix(argument, compared, value & compared));
    let differing = bits(compared).filter(|bit| (value & bit == 0) == above).map(|bit| {
        let fixed = compared & !(bit - 1);
        Cube::ALL.fix(argument, fixed, (value ^ bit) & fixed)
    });
    differing.flatten().chain(below).collect()
}

/// The calls that are in a cube of either side; disjoint if both sides are.
fn product(left: &[Cube], right: &[Cube]) -> Vec<Cube> {
    left.iter().flat_map(|cube| right.iter().filter_map(|other| cube.and(other))).collect()
}

/// The calls for which a clause holds, and the others: they fail a test and hold for those before
/// it, so the tests that hold for the fewest cubes come first.
fn split(clause: &Clause) -> [Vec<Cube>; 2] {
    let mut unions: Vec<_> =
        clause.tests.iter().map(|each| (test(each), test(&each.negated()))).collect();
    unions.sort_by_key(|(holds, _)| holds.len());
    let mut holds = vec![Cube::ALL];
    let mut fails = Vec::new();
    for (inside, outside) in unions {
        fails.extend(product(&holds, &outside));
        holds = product(&holds, &inside);
    }
    [holds, fails]
}

/// Ordered clauses as disjoint cubes; calls that are in none get the default action. Cubes of that
/// action are left out. `None` if more than `limit` cubes would be needed.
#[must_use]
pub fn disjoint(clauses: &[Clause], default: Action, limit: usize) -> Option<Vec<(Cube, Action)>> {
    let mut open = vec![Cube::ALL];
    let mut decided = Vec::new();
    let end = clauses.iter().rposition(|clause| clause.action != default).map_or(0, |at| at + 1);
    for clause in &clauses[..end] {
        let [holds, fails] = split(clause);
        if clause.action != default {
            let cubes = product(&open, &holds);
            decided.extend(cubes.into_iter().map(|cube| (cube, clause.action)));
        }
        open = product(&open, &fails);
        if decided.len() + open.len() > limit {
            return None;
        }
    }
    Some(decided)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Cube {
        fn holds(&self, arguments: &[u64; 6]) -> bool {
            self.conditions().all(|(at, mask, value)| arguments[at] & mask == value)
        }
    }

    fn relation() -> impl Strategy<Value = Relation> {
        use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
    }

    /// Few bits, so that they meet; one in the upper half.
    fn word() -> impl Strategy<Value = u64> {
        (0..16_u64, prop::bool::ANY).prop_map(|(low, high)| low | u64::from(high) << 40)
    }

    fn clauses() -> impl Strategy<Value = Vec<Clause>> {
        let test =
            (0..2_u8, word(), relation(), word()).prop_map(|(argument, mask, relation, value)| {
                RegisterTest::new(argument, mask, relation, value).expect("one of six arguments")
            });
        let action = prop::sample::select(vec![Action::Allow, Action::Errno(1), Action::Errno(2)]);
        let clause = (prop::collection::vec(test, 0..3), action)
            .prop_map(|(tests, action)| Clause { tests, action });
        prop::collection::vec(clause, 0..4)
    }

    proptest! {
        #[test]
        fn disjoint_cubes_mean_the_same(
            clauses in clauses(),
            calls in prop::collection::vec((word(), word()), 32),
        ) {
            let cubes = disjoint(&clauses, Action::Errno(1), usize::MAX).expect("no limit");
            for (first, second) in calls {
                let arguments = [first, second, 0, 0, 0, 0];
                let matching: Vec<_> = cubes.iter().filter(|(cube, _)| cube.holds(&arguments)).collect();
                prop_assert!(matching.len() <= 1, "{matching:?}");
                let ordered = clauses
                    .iter()
                    .find(|clause| clause.tests.iter().all(|test| test.holds(&arguments)))
                    .map_or(Action::Errno(1), |clause| clause.action);
                let action = matching.first().map_or(Action::Errno(1), |(_, action)| *action);
                prop_assert_eq!(action, ordered);
            }
        }
    }

    #[test]
    fn too_many_cubes_are_refused() {
        let test = |argument| RegisterTest::new(argument, u64::MAX, Relation::NotEqual, 7);
        let clauses = [Clause { tests: (0..2).filter_map(test).collect(), action: Action::Allow }];
        assert_eq!(disjoint(&clauses, Action::Errno(1), 64 * 64), None);
        assert_eq!(
            disjoint(&clauses, Action::Errno(1), 64 * 64 + 65).map(|cubes| cubes.len()),
            Some(64 * 64)
        );
    }
}
