//! Two filters as one, for runtimes that install a single one.
//!
//! Where both are installed, the kernel runs both and obeys the stricter answer
//! (`seccomp_run_filters`, kernel/seccomp.c). The intersection is the filter that gives this answer
//! alone, so neither of the two is loosened in any case.

use policy::registry::SyscallNumber;

use crate::seccomp::filter::{Action, Clause, Filter, Newer};

/// The filter that does with every call the stricter of what the two do, and where they are equally
/// strict what the first does: as the kernel if the first was installed last.
#[must_use]
pub fn intersect(first: &Filter, second: &Filter) -> Filter {
    let mut both = Filter::new(stricter(first.default, second.default));
    let Some(last) = [first, second].into_iter().filter_map(last_known).max() else {
        return both;
    };
    // Calls are numbered from 0, and there are a few hundred.
    for number in (0..=last.0).map(SyscallNumber) {
        let clauses = product(&clauses(first, number), &clauses(second, number));
        if clauses != [Clause::always(both.default)] {
            both.calls.insert(number, clauses);
        }
    }
    if first.newer.or(second.newer).is_some() {
        both.newer = Some(Newer { than: last, action: stricter(above(first), above(second)) });
        shorten(&mut both);
    }
    both
}

/// The action that the kernel obeys; the first if it ranks both alike.
fn stricter(first: Action, second: Action) -> Action {
    std::cmp::min_by_key(first, second, |action| action.rank())
}

/// The highest number that the filter says something about.
fn last_known(filter: &Filter) -> Option<SyscallNumber> {
    filter.calls.keys().next_back().copied().max(filter.newer.map(|newer| newer.than))
}

/// What happens with calls above the last known one.
fn above(filter: &Filter) -> Action {
    filter.newer.map_or(filter.default, |newer| newer.action)
}

/// All that the filter says about a call: the last clause is the only one that always applies.
fn clauses(filter: &Filter, number: SyscallNumber) -> Vec<Clause> {
    if filter.newer.is_some_and(|newer| number > newer.than) {
        return vec![Clause::always(above(filter))];
    }
    let listed = filter.calls.get(&number).map_or(&[][..], Vec::as_slice);
    let end = listed.iter().position(|clause| clause.tests.is_empty());
    let last = end.map_or(filter.default, |at| listed[at].action);
    let tested = &listed[..end.unwrap_or(listed.len())];
    tested.iter().cloned().chain([Clause::always(last)]).collect()
}

/// Every pair of clauses, in lexicographic order, with the tests of both and the stricter action.
///
/// The first pair that holds is the pair of the first clauses that hold. For let `i` and `j` be
/// the first of either list that hold for a call. The pair (i, j) holds, as a pair holds if both of
/// its clauses do. Of the pairs before it, those with an earlier first part fail by that part, and
/// those with the first part `i` and an earlier second part fail by the second. There are `i` and
/// `j` for every call, because the last clause of either list always applies.
fn product(first: &[Clause], second: &[Clause]) -> Vec<Clause> {
    let pairs: Vec<_> = first.iter().flat_map(|clause| within(clause, second)).collect();
    match constant(&pairs) {
        Some(action) => vec![Clause::always(action)],
        None => pairs,
    }
}

/// The clauses where another one holds too; that one alone if it is as strict as all of them.
fn within(outer: &Clause, inner: &[Clause]) -> Vec<Clause> {
    let pair = |clause: &Clause| Clause {
        tests: [&outer.tests[..], &clause.tests].concat(),
        action: stricter(outer.action, clause.action),
    };
    let pairs: Vec<_> = inner.iter().map(pair).collect();
    match constant(&pairs) {
        Some(action) => vec![Clause { tests: outer.tests.clone(), action }],
        None => pairs,
    }
}

/// The action of all clauses, if it is one.
fn constant(clauses: &[Clause]) -> Option<Action> {
    let (last, others) = clauses.split_last()?;
    others.iter().all(|clause| clause.action == last.action).then_some(last.action)
}

/// Calls at the end that are decided like newer ones count as newer: what writes the filter out may
/// have no name for them.
fn shorten(filter: &mut Filter) {
    let Some(newer) = &mut filter.newer else { return };
    let like = [Clause::always(newer.action)];
    while newer.than.0 > 0 && filter.calls.get(&newer.than).is_some_and(|each| *each == like) {
        filter.calls.remove(&newer.than);
        newer.than.0 -= 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bpf::{SeccompData, interpret};
    use crate::seccomp::assemble;
    use crate::seccomp::filter::{RegisterTest, Relation};

    fn word() -> impl Strategy<Value = u64> {
        (0..4_u64, prop::bool::ANY).prop_map(|(low, high)| low | u64::from(high) << 32)
    }

    fn test() -> impl Strategy<Value = RegisterTest> {
        use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let all = vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];
        let mask = prop::sample::select(vec![u64::MAX, RegisterTest::INT, 1, 2]);
        (0..2_u8, mask, prop::sample::select(all), word()).prop_map(
            |(argument, mask, relation, value)| {
                RegisterTest::new(argument, mask, relation, value).expect("one of six arguments")
            },
        )
    }

    fn action() -> impl Strategy<Value = Action> {
        prop::sample::select(vec![
            Action::Allow,
            Action::Log,
            Action::Notify,
            Action::Errno(1),
            Action::Errno(38),
            Action::KillProcess,
        ])
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let clause = (prop::collection::vec(test(), 0..3), action())
            .prop_map(|(tests, action)| Clause { tests, action });
        let call = (0..8_u32, prop::collection::vec(clause, 0..4));
        let newer = prop::option::of((0..10_u32, action()));
        (action(), newer, prop::collection::vec(call, 0..6)).prop_map(|(default, newer, calls)| {
            Filter {
                default,
                newer: newer.map(|(than, action)| Newer { than: SyscallNumber(than), action }),
                calls: calls.into_iter().map(|(n, clauses)| (SyscallNumber(n), clauses)).collect(),
            }
        })
    }

    fn calls() -> impl Strategy<Value = Vec<SeccompData>> {
        let number = prop_oneof![12 => 0..12_u32, 1 => Just(Filter::X32 | 1)];
        let call = (number, word(), word()).prop_map(|(number, first, second)| {
            SeccompData::native(number, [first, second, 0, 0, 0, 0])
        });
        prop::collection::vec(call, 64)
    }

    proptest! {
        /// What the kernel answers to each call if it runs both programs, with the rule by which it
        /// chooses written out anew: the first one installed last, and so run first.
        #[test]
        fn the_stricter_of_both_for_every_call(
            first in filter(),
            second in filter(),
            calls in calls(),
        ) {
            let program = |filter: &Filter| assemble(filter).expect("few rules");
            let both = program(&intersect(&first, &second));
            let [first, second] = [program(&first), program(&second)];
            for call in calls {
                let answer = |program| interpret(program, &call).expect("every way ends");
                let kind = |answer: u32| (answer & libc::SECCOMP_RET_ACTION_FULL).cast_signed();
                let mut obeyed = answer(&first);
                if kind(answer(&second)) < kind(obeyed) {
                    obeyed = answer(&second);
                }
                prop_assert_eq!(answer(&both), obeyed, "{:?}", call);
            }
        }
    }

    #[test]
    fn what_is_refused_anyway_is_not_tested() {
        let test = RegisterTest::new(0, u64::MAX, Relation::Equal, 7).expect("argument 0");
        let call = |clauses: &[Clause]| Filter {
            calls: [(SyscallNumber(2), clauses.to_vec())].into(),
            ..Filter::new(Action::Errno(38))
        };
        let denied = Clause { tests: vec![test], action: Action::Errno(22) };
        let first = call(&[denied.clone(), Clause::always(Action::Allow)]);
        let second = call(&[Clause { action: Action::Allow, ..denied.clone() }]);
        let expected = [
            denied.clone(),
            Clause { action: Action::Allow, ..denied },
            Clause::always(Action::Errno(38)),
        ];
        assert_eq!(intersect(&first, &second).calls[&SyscallNumber(2)], expected);
    }

    #[test]
    fn calls_that_one_filter_is_too_old_for_stay_unknown() {
        let mut old = Filter::new(Action::Errno(1));
        old.newer = Some(Newer { than: SyscallNumber(300), action: Filter::FOREIGN });
        let mut new = Filter::new(Action::Errno(1));
        new.newer = Some(Newer { than: SyscallNumber(460), action: Filter::FOREIGN });
        new.calls.insert(SyscallNumber(450), vec![Clause::always(Action::Allow)]);
        let both = intersect(&old, &new);
        assert_eq!((both.newer, both.calls.len()), (old.newer, 0));
    }
}
