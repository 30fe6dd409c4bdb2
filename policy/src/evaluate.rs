//! The one oracle: what a policy says about an event.

use crate::ast::PermitFlag;
use crate::condition::Comparison;
use crate::errno::Errno;
use crate::event::{Event, Value};
use crate::program::{Action, Policy, Rule, RuleId};
use crate::registry::{AliasUse, Kind};
use crate::rules::{FormLists, NameTable, RuleList, Step};

/// What the policy says about one event.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Decision<'p> {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule that decided; none if no rule matched, or if the program is detached.
    pub rule: Option<&'p Rule>,
    /// The decision rests on something that was read from the caller's memory, or on the fact that
    /// it could not be, or on which program the process runs that a number names. All of that can
    /// change any time, so the kernel must not be left to look again.
    pub judged_memory: bool,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call is performed.
    Permit(PermitFlag),
    /// The call fails.
    Deny(Errno),
    /// The user decides.
    Ask,
    /// No rule matched.
    Uncovered,
}

impl Verdict {
    /// Where several must permit, the strictest decides. A call that one list says nothing about
    /// fails whatever the user would answer to the question of another.
    fn strictness(self) -> u8 {
        match self {
            Self::Permit(_) => 0,
            Self::Ask => 1,
            Self::Uncovered => 2,
            Self::Deny(_) => 3,
        }
    }
}

impl Policy {
    /// What the policy says about an event. The first rule on the call's names that holds decides.
    /// If none does, or if it asks, the form's aliases are consulted: every one of them must
    /// permit.
    ///
    /// A predicate with a name that was not resolved ([`Policy::bind`]) holds for rules that deny
    /// or ask, and does not for rules that permit.
    pub fn evaluate<'p>(&'p self, event: &Event<'_>) -> Decision<'p> {
        if self.is_detached() {
            let verdict = Verdict::Permit(PermitFlag::None);
            return Decision { verdict, rule: None, judged_memory: false };
        }
        let judged_memory = event.form.is_told_by_memory();
        let mut judge = Judge { policy: self, event, only: None, judged_memory };
        let (verdict, rule) = judge.judge();
        Decision { verdict, rule, judged_memory: judge.judged_memory }
    }
}

/// The verdict of a list, and the rule that gave it.
type Found<'p> = (Verdict, Option<&'p Rule>);

const UNCOVERED: Found<'_> = (Verdict::Uncovered, None);

struct Judge<'p, 'e> {
    policy: &'p Policy,
    event: &'e Event<'e>,
    /// The position of the one parameter that the rules of an alias see.
    only: Option<usize>,
    judged_memory: bool,
}

impl<'p> Judge<'p, '_> {
    fn judge(&mut self) -> Found<'p> {
        let Some(lists) = self.policy.lists(self.event.form) else { return UNCOVERED };
        let own = self.first(&lists.own);
        if !matches!(own.0, Verdict::Uncovered | Verdict::Ask) {
            return own;
        }
        let aliases = self.aliases(lists);
        match aliases.0 {
            Verdict::Uncovered => own,
            _ => aliases,
        }
    }

    fn aliases(&mut self, lists: &FormLists) -> Found<'p> {
        let mut strictest: Option<Found<'p>> = None;
        for AliasUse { alias, parameter } in self.event.form.form().aliases {
            self.only = Some(usize::from(*parameter));
            let found = lists.alias(*alias).map_or(UNCOVERED, |list| self.first(list));
            strictest = Some(strictest.map_or(found, |before| stricter(before, found)));
        }
        strictest.unwrap_or(UNCOVERED)
    }

    /// The first rule of a list that holds. No step is taken whose rules all come after one that
    /// is known to hold: what they would look at has no part in the decision.
    fn first(&mut self, list: &RuleList) -> Found<'p> {
        let policy = self.policy;
        let mut found: Option<RuleId> = None;
        for step in list.steps() {
            if found.is_some_and(|found| found < step.first()) {
                break;
            }
            let held = match step {
                Step::One(id) => self.holds(policy.rule(*id)).then_some(*id),
                Step::Many(table) => self.look_up(table),
            };
            found = [found, held].into_iter().flatten().min();
        }
        found.map_or(UNCOVERED, |id| (verdict(policy.rule(id).action), Some(policy.rule(id))))
    }

    fn look_up(&mut self, table: &NameTable) -> Option<RuleId> {
        let (argument, index) = table.argument();
        match self.value(argument, usize::from(index))? {
            (_, Value::Text(text)) => table.first(text),
            (kind, Value::Number(number)) => table.first(kind.print(number).as_bytes()),
            (_, Value::Absent) => None,
        }
    }

    fn holds(&mut self, rule: &Rule) -> bool {
        let strict = !matches!(rule.action, Action::Permit(_));
        let predicate = rule.predicate.as_ref();
        predicate.is_none_or(|p| p.holds(self.event.subject).unwrap_or(strict))
            && rule.condition.holds(&mut |comparison| self.compare(comparison))
    }

    fn compare(&mut self, comparison: &Comparison) -> bool {
        let index = usize::from(comparison.index().unwrap_or(0));
        match self.value(comparison.argument(), index) {
            None | Some((_, Value::Absent)) => false,
            Some((kind, Value::Text(text))) => comparison.holds(kind, text),
            Some((kind, Value::Number(number))) => {
                comparison.holds(kind, kind.print(number).as_bytes())
            }
        }
    }

    /// The `index`-th valid value of this name.
    fn value(&mut self, argument: &str, index: usize) -> Option<(Kind, Value<'_>)> {
        let parameters = self.event.form.form().parameters.iter().zip(self.event.values);
        let mut left = index;
        for (at, (parameter, value)) in parameters.enumerate() {
            if parameter.name != argument || self.only.is_some_and(|only| only != at) {
                continue;
            }
            self.judged_memory |=
                !parameter.source.is_register() || parameter.kind == Kind::ProcessName;
            match (value, left) {
                (Value::Absent, _) => {}
                (_, 0) => return Some((parameter.kind, *value)),
                _ => left -= 1,
            }
        }
        None
    }
}

fn verdict(action: Action) -> Verdict {
    match action {
        Action::Permit(flag) => Verdict::Permit(flag),
        Action::Deny(errno) => Verdict::Deny(errno),
        Action::Ask => Verdict::Ask,
    }
}

/// Of two that permit, the one that wants a record.
fn stricter<'p>(one: Found<'p>, other: Found<'p>) -> Found<'p> {
    let rank = |found: &Found| (found.0.strictness(), found.1.is_some_and(|rule| rule.log));
    if rank(&other) > rank(&one) { other } else { one }
}
