//! Two filters as one: a stock runtime loads a single profile.

use converter::seccomp::{Action, Clause, Filter};
use policy::registry::{self, SyscallNumber};

/// The filter that takes the stricter action of the two, as the kernel does with both (seccomp(2)). Where both
/// deny, the first one's errno is returned.
pub fn stack(one: &Filter, other: &Filter) -> Filter {
    let mut both = Filter::new(stricter(one.default, other.default));
    for call in registry::calls() {
        let clauses = product(&clauses(one, call.number), &clauses(other, call.number));
        both.calls.insert(call.number, clauses);
    }
    both
}

/// A filter does the same with this call whatever its arguments are.
pub fn is_unconditional(filter: &Filter, call: SyscallNumber) -> Option<Action> {
    let first = clauses(filter, call).into_iter().next()?;
    first.tests.is_empty().then_some(first.action)
}

/// What a filter does with a call, to the last case.
fn clauses(filter: &Filter, call: SyscallNumber) -> Vec<Clause> {
    if let Some(newer) = filter.newer.filter(|newer| call > newer.than) {
        return vec![Clause::always(newer.action)];
    }
    let mut clauses = filter.calls.get(&call).cloned().unwrap_or_default();
    clauses.push(Clause::always(filter.default));
    clauses
}

/// In the order of the first list, and within it of the second, the first pair that matches is made of the first
/// clause that matches in each.
fn product(one: &[Clause], other: &[Clause]) -> Vec<Clause> {
    let pair = |first: &Clause, second: &Clause| Clause {
        tests: [&first.tests[..], &second.tests[..]].concat(),
        action: stricter(first.action, second.action),
    };
    let pairs = one.iter().flat_map(|first| other.iter().map(move |second| pair(first, second)));
    let mut clauses = Vec::new();
    for clause in pairs {
        let last = clause.tests.is_empty();
        clauses.push(clause);
        if last {
            break;
        }
    }
    // A case that ends as all others do is none.
    while clauses.len() > 1
        && clauses[clauses.len() - 2].action == clauses[clauses.len() - 1].action
    {
        clauses.remove(clauses.len() - 2);
    }
    clauses
}

/// Of two equally strict ones the first.
fn stricter(one: Action, other: Action) -> Action {
    if other.rank() < one.rank() { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;
    use converter::bpf::SeccompData;
    use converter::seccomp::{RegisterTest, Relation};

    const DENIED: Action = Action::Errno(1);

    fn number(name: &str) -> SyscallNumber {
        registry::call_named(name).unwrap().number
    }

    fn argument_is(argument: u8, value: u64) -> RegisterTest {
        RegisterTest::new(argument, u64::MAX, Relation::Equal, value).unwrap()
    }

    /// Lets `socket` through where one argument has one value, and everything else if `default` does.
    fn filter(argument: u8, value: u64, default: Action) -> Filter {
        let mut filter = Filter::new(default);
        let permitted = Clause { tests: vec![argument_is(argument, value)], action: Action::Allow };
        let clauses = vec![permitted, Clause::always(DENIED)];
        filter.calls.insert(number("socket"), clauses);
        filter
    }

    #[test]
    fn a_call_needs_the_leave_of_both() {
        let (one, other) = (filter(0, 2, Action::Allow), filter(1, 1, DENIED));
        let both = stack(&one, &other);
        for arguments in [[2, 1], [2, 3], [5, 1], [5, 3]] {
            for name in ["socket", "close"] {
                let arguments = [arguments[0], arguments[1], 0, 0, 0, 0];
                let data = SeccompData::native(number(name).0, arguments);
                let expected = stricter(one.decide(&data), other.decide(&data));
                assert_eq!(both.decide(&data), expected, "{name} {arguments:?}");
            }
        }
    }

    #[test]
    fn cases_that_end_alike_are_one() {
        let denying = Filter::new(DENIED);
        let both = stack(&denying, &filter(0, 2, Action::Errno(22)));
        assert_eq!(both.calls[&number("socket")], [Clause::always(DENIED)]);
        assert_eq!(is_unconditional(&both, number("socket")), Some(DENIED));
        assert_eq!(is_unconditional(&filter(0, 2, DENIED), number("socket")), None);
    }

    #[test]
    fn the_stricter_action_counts() {
        assert_eq!(stricter(Action::Allow, Action::KillProcess), Action::KillProcess);
        assert_eq!(stricter(Action::Errno(1), Action::Errno(2)), Action::Errno(1));
    }
}
