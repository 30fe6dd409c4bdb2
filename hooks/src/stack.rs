//! Two filters as one: a stock runtime loads a single profile.

use converter::seccomp::{Action, Clause, Filter};
use policy::registry::{self, SyscallNumber};

/// The filter that does what the kernel does with both (seccomp(2)): the stricter action of the two.
pub fn stack(one: &Filter, other: &Filter) -> Filter {
    let mut both = Filter::new(stricter(one.default, other.default));
    both.newer = one.newer.or(other.newer);
    for call in registry::calls() {
        let clauses = product(&clauses(one, call.number), &clauses(other, call.number));
        both.calls.insert(call.number, clauses);
    }
    both
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
    clauses
}

/// Of two equally strict ones the first, as of two filters the kernel takes the first that it looks at.
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
    fn the_stricter_action_counts() {
        assert_eq!(stricter(Action::Allow, Action::KillProcess), Action::KillProcess);
        assert_eq!(stricter(Action::Errno(1), Action::Errno(2)), Action::Errno(1));
    }
}
