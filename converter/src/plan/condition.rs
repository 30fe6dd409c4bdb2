//! Turns a rule's condition into tests of argument registers, if that says exactly the same.

use policy::condition::{Comparison, Condition};
use policy::registry::{NumberSet, Parameter, Source};

use crate::plan::Reason;
use crate::seccomp::{RegisterTest, Relation};

/// For which calls a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    /// For those that pass all tests of one of these lists. No list: never. An empty list: always.
    Tests(Vec<Vec<RegisterTest>>),
    /// The registers do not tell, or not in few enough tests.
    Opaque(Reason),
}

impl Match {
    /// More lists than this are left to the supervisor: a filter holds 4096 instructions.
    const LIMIT: usize = 256;

    const NEVER: Self = Self::Tests(Vec::new());

    fn constant(holds: bool) -> Self {
        if holds { Self::Tests(vec![Vec::new()]) } else { Self::NEVER }
    }

    /// It holds for every call.
    pub(super) fn is_always(&self) -> bool {
        matches!(self, Self::Tests(lists) if lists.iter().any(Vec::is_empty))
    }

    /// It holds for no call.
    pub(super) fn is_never(&self) -> bool {
        *self == Self::NEVER
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one.is_always() || other.is_always() => Self::constant(true),
            (Self::Tests(mut lists), Self::Tests(more)) => {
                lists.extend(more);
                Self::limited(lists)
            }
            (Self::Opaque(reason), _) | (_, Self::Opaque(reason)) => Self::Opaque(reason),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one.is_never() || other.is_never() => Self::NEVER,
            (Self::Tests(lists), Self::Tests(more)) if lists.len() * more.len() <= Self::LIMIT => {
                let pairs = lists.iter().flat_map(|one| more.iter().map(move |other| (one, other)));
                Self::Tests(pairs.filter_map(|(one, other)| joined(one, other)).collect())
            }
            (Self::Tests(_), Self::Tests(_)) => Self::Opaque(Reason::Pattern),
            (Self::Opaque(reason), _) | (_, Self::Opaque(reason)) => Self::Opaque(reason),
        }
    }

    fn limited(lists: Vec<Vec<RegisterTest>>) -> Self {
        match lists.len() {
            0..=Self::LIMIT => Self::Tests(lists),
            _ => Self::Opaque(Reason::Pattern),
        }
    }
}

/// The tests of both lists, each once; `None` if two of them want different values of the same
/// bits.
fn joined(one: &[RegisterTest], other: &[RegisterTest]) -> Option<Vec<RegisterTest>> {
    let bits = |test: &RegisterTest| (test.argument(), test.mask(), test.relation());
    let contradicts = |test: &RegisterTest| {
        let same = |before: &&RegisterTest| bits(before) == bits(test);
        test.relation() == Relation::Equal
            && one.iter().filter(same).any(|before| before.value() != test.value())
    };
    let new = other.iter().filter(|test| !one.contains(test));
    (!other.iter().any(contradicts)).then(|| one.iter().chain(new).copied().collect())
}

/// For which calls the condition has the value `wanted`. `parameter` finds the argument that a
/// comparison names.
pub(super) fn lower(
    condition: &Condition,
    wanted: bool,
    parameter: &dyn Fn(&Comparison) -> Option<&'static Parameter>,
) -> Match {
    match condition {
        Condition::True => Match::constant(wanted),
        // An argument that the call does not have fails every comparison.
        Condition::Test(test) => match parameter(test) {
            None => Match::constant(!wanted),
            Some(parameter) => compare(test, parameter, wanted),
        },
        Condition::Not(inner) => lower(inner, !wanted, parameter),
        Condition::And(one, other) => {
            let (one, other) = (lower(one, wanted, parameter), lower(other, wanted, parameter));
            if wanted { one.and(other) } else { one.or(other) }
        }
        Condition::Or(one, other) => {
            let (one, other) = (lower(one, wanted, parameter), lower(other, wanted, parameter));
            if wanted { one.or(other) } else { one.and(other) }
        }
    }
}

fn compare(test: &Comparison, parameter: &Parameter, wanted: bool) -> Match {
    let Source::Register(argument) = parameter.source else {
        return Match::Opaque(Reason::Memory);
    };
    // What a variable stands for is known in the container only.
    if !parameter.kind.is_number() || test.text().contains(&b'$') {
        return Match::Opaque(Reason::Lookup);
    }
    match test.numbers(parameter.kind) {
        Some(set) => {
            let set = smaller(set);
            members(argument, &set, set.inside == wanted)
        }
        None => Match::Opaque(Reason::Pattern),
    }
}

/// The same set, told by the numbers outside of it if these are fewer.
fn smaller(set: NumberSet) -> NumberSet {
    let values = 1_u64 << set.mask.count_ones();
    if set.members.len() as u64 <= values / 2 {
        return set;
    }
    // More than half of the values are listed, so they are few enough to walk through.
    let next = |now: &u32| (*now != set.mask).then(|| (now | !set.mask).wrapping_add(1) & set.mask);
    let every = std::iter::successors(Some(0), next);
    let others = every.filter(|number| set.members.binary_search(number).is_err());
    NumberSet { mask: set.mask, members: others.collect(), inside: !set.inside }
}

/// The argument is one of the members, or none of them.
fn members(argument: u8, set: &NumberSet, inside: bool) -> Match {
    let relation = if inside { Relation::Equal } else { Relation::NotEqual };
    let test = |member: &u32| {
        RegisterTest::new(argument, u64::from(set.mask), relation, u64::from(*member))
    };
    let tests: Option<Vec<_>> = set.members.iter().map(test).collect();
    match tests {
        None => Match::Opaque(Reason::Pattern),
        Some(tests) if inside => Match::limited(tests.into_iter().map(|test| vec![test]).collect()),
        Some(tests) if tests.len() <= Match::LIMIT => Match::Tests(vec![tests]),
        Some(_) => Match::Opaque(Reason::Pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_exclude_each_other_make_no_list() {
        let test = |value| RegisterTest::new(0, 7, Relation::Equal, value).expect("argument 0");
        let either = || Match::Tests(vec![vec![test(1)], vec![test(2)]]);
        assert_eq!(either().and(either()), either());
        assert!(either().and(Match::Tests(vec![vec![test(3)]])).is_never());
    }
}
