//! What the kernel does with the calls of one form: ordered clauses that leave no call undecided.

use crate::seccomp::{Action, Clause, RegisterTest};

/// Ordered clauses, of which the last always applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decisions {
    clauses: Vec<Clause>,
    last: Action,
}

impl Decisions {
    /// The same for every call.
    pub(super) fn always(action: Action) -> Self {
        Self { clauses: Vec::new(), last: action }
    }

    /// The action, if it is the same for every call.
    pub(super) fn constant(&self) -> Option<Action> {
        self.clauses.is_empty().then_some(self.last)
    }

    /// Calls that pass all tests of one of the lists get the action, the others what was decided
    /// before.
    pub(super) fn after(self, lists: &[Vec<RegisterTest>], action: Action) -> Self {
        if self.constant() == Some(action) {
            return self;
        }
        if lists.iter().any(Vec::is_empty) {
            return Self::always(action);
        }
        let first = lists.iter().map(|tests| Clause { tests: tests.clone(), action });
        Self { clauses: first.chain(self.clauses).collect(), last: self.last }
    }

    /// Calls that pass all tests get these decisions, the others get `otherwise`.
    pub(super) fn where_passed(self, tests: &[RegisterTest], otherwise: Self) -> Self {
        if self == otherwise || tests.is_empty() {
            return self;
        }
        let guard = |clause: Clause| Clause { tests: [tests, &clause.tests].concat(), ..clause };
        let last = Clause::always(self.last);
        let mut clauses: Vec<_> = self.clauses.into_iter().chain([last]).map(guard).collect();
        clauses.extend(otherwise.clauses);
        Self { clauses, last: otherwise.last }
    }

    /// Both must let a call through; `None` if that is not told by either of them alone. A denial tells it only where the
    /// supervisor has nothing to add: of two denials, the one that wants a record decides.
    pub(super) fn both(self, other: Self) -> Option<Self> {
        match (self.constant(), other.constant()) {
            (Some(Action::Allow), _) => Some(other),
            (_, Some(Action::Allow)) => Some(self),
            (Some(Action::Errno(_)), _) if !other.notifies() => Some(self),
            _ => None,
        }
    }

    fn notifies(&self) -> bool {
        self.actions().any(|action| action == Action::Notify)
    }

    /// Some call is let through.
    pub(super) fn allows(&self) -> bool {
        self.actions().any(|action| action == Action::Allow)
    }

    fn actions(&self) -> impl Iterator<Item = Action> {
        self.clauses.iter().map(|clause| clause.action).chain([self.last])
    }

    /// Every action replaced by another.
    pub(super) fn map(mut self, replace: impl Fn(Action) -> Action) -> Self {
        for clause in &mut self.clauses {
            clause.action = replace(clause.action);
        }
        self.last = replace(self.last);
        if self.clauses.iter().all(|clause| clause.action == self.last) {
            self.clauses.clear();
        }
        self
    }

    /// As clauses of a filter.
    pub(super) fn into_clauses(self) -> Vec<Clause> {
        let last = Clause::always(self.last);
        self.clauses.into_iter().chain([last]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::Relation;

    fn test(value: u64) -> RegisterTest {
        RegisterTest::new(0, RegisterTest::INT, Relation::Equal, value).expect("argument 0")
    }

    #[test]
    fn nothing_is_tested_for_the_same_answer() {
        let allow = Decisions::always(Action::Allow);
        let same = allow.clone().after(&[vec![test(1)]], Action::Allow);
        assert_eq!(same.constant(), Some(Action::Allow));
        let guarded = allow.clone().where_passed(&[test(1)], allow);
        assert_eq!(guarded.constant(), Some(Action::Allow));
    }

    #[test]
    fn guards_stand_before_every_clause() {
        let one = Decisions::always(Action::Errno(1)).after(&[vec![test(2)]], Action::Allow);
        let guarded = one.where_passed(&[test(1)], Decisions::always(Action::Notify));
        let clause = |tests: &[_], action| Clause { tests: tests.to_vec(), action };
        assert_eq!(
            guarded.into_clauses(),
            [
                clause(&[test(1), test(2)], Action::Allow),
                clause(&[test(1)], Action::Errno(1)),
                clause(&[], Action::Notify),
            ]
        );
    }

    #[test]
    fn both_must_allow() {
        let [allow, deny, ask] =
            [Action::Allow, Action::Errno(13), Action::Notify].map(Decisions::always);
        let constant = |decisions: Option<Decisions>| decisions.and_then(|all| all.constant());
        assert_eq!(constant(allow.clone().both(ask.clone())), Some(Action::Notify));
        assert_eq!(constant(deny.clone().both(deny.clone())), Some(Action::Errno(13)));
        assert_eq!(deny.clone().both(ask.clone()), None);
        assert_eq!(constant(ask.clone().both(allow)), Some(Action::Notify));
        assert_eq!(ask.both(deny), None);
    }
}
