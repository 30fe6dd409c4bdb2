//! Sets of calls told by their argument bits, for targets in which order means nothing.
//!
//! A cube says of each argument what one condition of libseccomp can say, see [`Known`]. Every test
//! is a union of disjoint cubes, and so is its negation, so ordered clauses become disjoint rules
//! without loss.

use crate::seccomp::filter::{Action, Clause, RegisterTest, Relation};
use crate::seccomp::known::{Known, bits, differing};

/// All calls each of whose arguments is in a set of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cube {
    arguments: [Known; 6],
}

impl Cube {
    /// Every call.
    pub const ALL: Self = Self { arguments: [Known::ANY; 6] };

    /// What is known of each argument that matters.
    pub fn conditions(&self) -> impl Iterator<Item = (usize, Known)> + '_ {
        self.arguments.iter().copied().enumerate().filter(|(_, known)| *known != Known::ANY)
    }

    /// The calls one argument of which is in the set.
    fn of(argument: u8, known: Known) -> Self {
        let mut cube = Self::ALL;
        cube.arguments[usize::from(argument)] = known;
        cube
    }

    /// The calls that are in both, as disjoint cubes.
    fn and(&self, other: &Self) -> Vec<Self> {
        other.conditions().fold(vec![*self], |cubes, condition| {
            cubes.into_iter().flat_map(|cube| cube.narrowed(condition)).collect()
        })
    }

    fn narrowed(self, (at, known): (usize, Known)) -> impl Iterator<Item = Self> {
        self.arguments[at].and(known).into_iter().map(move |known| {
            let mut cube = self;
            cube.arguments[at] = known;
            cube
        })
    }
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
    let known = Known::Bits { mask: test.mask(), value: test.value() };
    (test.value() & !test.mask() == 0).then(|| Cube::of(test.argument(), known))
}

/// The registers that differ from the test's value.
fn different(test: &RegisterTest) -> Vec<Cube> {
    if equal(test).is_none() {
        return vec![Cube::ALL];
    }
    match test.mask() {
        u64::MAX => vec![Cube::of(test.argument(), Known::Not(test.value()))],
        mask => {
            differing(test.value(), mask).map(|known| Cube::of(test.argument(), known)).collect()
        }
    }
}

/// The registers above (or below) the test's value: by the highest bit in which they differ from
/// it.
fn beside(test: &RegisterTest, above: bool) -> Vec<Cube> {
    let (mask, value) = (test.mask(), test.value());
    // A bit of the value that the mask hides is more than the register's at that place: what is
    // equal before is below.
    let hidden = bits(value & !mask).next();
    let compared = mask & hidden.map_or(u64::MAX, |bit| !(bit | (bit - 1)));
    let below =
        hidden.filter(|_| !above).map(|_| Known::Bits { mask: compared, value: value & compared });
    let differing = bits(compared).filter(|bit| (value & bit == 0) == above).map(|bit| {
        let fixed = compared & !(bit - 1);
        Known::Bits { mask: fixed, value: (value ^ bit) & fixed }
    });
    differing.chain(below).map(|known| Cube::of(test.argument(), known)).collect()
}

/// The calls that are in a cube of either side; disjoint if both sides are.
fn product(left: &[Cube], right: &[Cube]) -> Vec<Cube> {
    left.iter().flat_map(|cube| right.iter().flat_map(|other| cube.and(other))).collect()
}

/// The calls for which a clause holds, and the others: they fail a test and hold for those before
/// it, so the tests that hold for the fewest cubes come first. `None` if more than `limit` cubes
/// would be needed.
fn split(clause: &Clause, limit: usize) -> Option<[Vec<Cube>; 2]> {
    let mut unions: Vec<_> =
        clause.tests.iter().map(|each| (test(each), test(&each.negated()))).collect();
    unions.sort_by_key(|(holds, _)| holds.len());
    let mut holds = vec![Cube::ALL];
    let mut fails = Vec::new();
    for (inside, outside) in unions {
        fails.extend(product(&holds, &outside));
        holds = product(&holds, &inside);
        if holds.len() + fails.len() > limit {
            return None;
        }
    }
    Some([holds, fails])
}

/// Ordered clauses as disjoint cubes; calls that are in none get the default action. Cubes of that
/// action are left out. `None` if more than `limit` cubes would be needed.
#[must_use]
pub fn disjoint(clauses: &[Clause], default: Action, limit: usize) -> Option<Vec<(Cube, Action)>> {
    let mut open = vec![Cube::ALL];
    let mut decided = Vec::new();
    let end = clauses.iter().rposition(|clause| clause.action != default).map_or(0, |at| at + 1);
    for clause in &clauses[..end] {
        let [holds, fails] = split(clause, limit)?;
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
            self.conditions().all(|(at, known)| known.holds(arguments[at]))
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
        let mask = prop_oneof![3 => word(), 1 => Just(u64::MAX)];
        let test =
            (0..2_u8, mask, relation(), word()).prop_map(|(argument, mask, relation, value)| {
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
        let test = |argument| RegisterTest::new(argument, RegisterTest::INT, Relation::NotEqual, 7);
        let clauses = [Clause { tests: (0..2).filter_map(test).collect(), action: Action::Allow }];
        assert_eq!(disjoint(&clauses, Action::Errno(1), 32 * 32), None);
        assert_eq!(
            disjoint(&clauses, Action::Errno(1), 32 * 32 + 33).map(|cubes| cubes.len()),
            Some(32 * 32)
        );
    }

    #[test]
    fn whole_registers_that_differ_are_one_cube() {
        let test = |argument| RegisterTest::new(argument, u64::MAX, Relation::NotEqual, 7);
        let clauses = [Clause { tests: (0..6).filter_map(test).collect(), action: Action::Allow }];
        let cubes = disjoint(&clauses, Action::Errno(1), 8).expect("few");
        assert_eq!(cubes.len(), 1);
    }
}
