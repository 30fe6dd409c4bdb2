//! Warns of rules that never decide, since rules above them always do.
//!
//! Each list of rules that judges a form of a call is looked at for itself; a rule is reported if
//! it is covered in every list that it stands in. Lists share most of their rules, so what a list
//! says of them is kept.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::implication::{Arguments, Prover, covered_name, folder};
use super::{Checked, CheckedRule};
use crate::ast::Operator;
use crate::condition::{Comparison, Condition};
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Action, FormRules, Policy, Predicate, Rule, RuleId};
use crate::registry::{FormId, Kind, Parameter, Source, forms};

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let mut survey = Survey::new(checked.policy);
    forms().for_each(|form| survey.look_at(form));
    let fates = checked.rules.iter().zip(&survey.fates);
    fates.filter_map(|(rule, fate)| finding(checked, rule, fate)).collect()
}

fn finding(checked: &Checked<'_>, rule: &CheckedRule<'_>, fate: &Fate) -> Option<Diagnostic> {
    let covering: Vec<_> = fate.covering.iter().filter_map(|id| checked.written(*id)).collect();
    if fate.decides || covering.is_empty() || covering.iter().all(|above| is_repeated(above, rule))
    {
        return None;
    }
    let finding = Diagnostic::new(Code::Unreachable, rule.text.span, "this rule never decides");
    Some(covering.iter().take(SHOWN).fold(finding, |finding, above| {
        finding.label(above.text.span, "what it could decide is decided here")
    }))
}

/// The same is said of another name that reaches the same calls: who lists `stat` and `newfstatat`
/// side by side is only careful.
fn is_repeated(above: &CheckedRule<'_>, rule: &CheckedRule<'_>) -> bool {
    let effect = |rule: &Rule| (rule.action, rule.log, rule.identity.clone());
    above.text.call.value != rule.text.call.value && effect(above.rule) == effect(rule.rule)
}

/// So many rules above are named at most.
const SHOWN: usize = 3;

/// What becomes of a rule in a list.
#[derive(Debug, Clone)]
enum Place {
    /// It may decide.
    Open,
    /// It holds for no call that the list judges.
    Idle,
    /// These rules always decide before it.
    Covered(Vec<RuleId>),
}

/// What becomes of a rule in all lists.
#[derive(Debug, Clone, Default)]
struct Fate {
    decides: bool,
    covering: BTreeSet<RuleId>,
}

struct Survey<'p> {
    policy: &'p Policy,
    fates: Vec<Fate>,
    known: HashMap<(&'p [RuleId], Arguments), Rc<Vec<Place>>>,
}

impl<'p> Survey<'p> {
    fn new(policy: &'p Policy) -> Self {
        let fates = vec![Fate::default(); policy.rules().len()];
        Self { policy, fates, known: HashMap::new() }
    }

    fn look_at(&mut self, form: FormId) {
        let FormRules { own, read, write } = self.policy.rules_for(form);
        let places = self.places(own, Arguments::of(form.form().parameters));
        self.note(own, &places, None);
        let first = self.barrier(own);
        for list in [read, write] {
            let places = self.places(list, Arguments::of(&[ALIASED]));
            self.note(list, &places, first);
        }
    }

    /// The rule on a call's names that leaves nothing to its aliases. None if a rule above it asks:
    /// a question goes on to them.
    fn barrier(&self, own: &[RuleId]) -> Option<RuleId> {
        let asks = |id: &RuleId| self.policy.rule(*id).action == Action::Ask;
        let first = own.iter().find(|id| asks(id) || always_holds(self.policy.rule(**id)));
        first.copied().filter(|id| !asks(id))
    }

    fn note(&mut self, list: &[RuleId], places: &[Place], barrier: Option<RuleId>) {
        for (id, place) in list.iter().zip(places) {
            let fate = &mut self.fates[id.0 as usize];
            match (barrier, place) {
                (Some(barrier), _) => fate.covering.extend([barrier]),
                (None, Place::Open) => fate.decides = true,
                (None, Place::Idle) => {}
                (None, Place::Covered(by)) => fate.covering.extend(by),
            }
        }
    }

    fn places(&mut self, list: &'p [RuleId], arguments: Arguments) -> Rc<Vec<Place>> {
        let policy = self.policy;
        let known = self.known.entry((list, arguments));
        let (_, arguments) = known.key().clone();
        let fresh = || {
            let mut above = Above::new(policy, &arguments);
            Rc::new(list.iter().map(|id| above.add(*id)).collect())
        };
        Rc::clone(known.or_insert_with(fresh))
    }
}

/// What rules of an alias see.
const ALIASED: Parameter =
    Parameter { name: "filename", kind: Kind::Filename, source: Source::Text(0) };

/// The rules of a list above the one that is looked at, arranged so that the cost of a look hardly
/// grows with their number.
struct Above<'a> {
    policy: &'a Policy,
    arguments: &'a Arguments,
    always: Option<RuleId>,
    /// By condition and predicate.
    same: HashMap<Vec<u8>, RuleId>,
    /// `match` without wildcards and predicates: by argument, index and name.
    names: HashMap<(String, u8, Vec<u8>), RuleId>,
    /// The first few of the others.
    others: Vec<RuleId>,
}

/// Of the rules without an index so many are tried, with so many steps altogether.
const MOST_OTHERS: usize = 32;
const MOST_STEPS: u32 = 1024;

impl<'a> Above<'a> {
    fn new(policy: &'a Policy, arguments: &'a Arguments) -> Self {
        let (same, names) = (HashMap::new(), HashMap::new());
        Self { policy, arguments, always: None, same, names, others: Vec::new() }
    }

    /// What becomes of the next rule.
    fn add(&mut self, id: RuleId) -> Place {
        let rule = self.policy.rule(id);
        if self.arguments.exclude(&rule.condition) {
            return Place::Idle;
        }
        match self.covering(rule) {
            Some(by) => Place::Covered(by),
            None => {
                self.enter(id, rule);
                Place::Open
            }
        }
    }

    fn enter(&mut self, id: RuleId, rule: &Rule) {
        self.same.insert(key(rule.predicate.as_ref(), &rule.condition), id);
        match &rule.condition {
            _ if always_holds(rule) => self.always = Some(id),
            Condition::Test(test) if rule.predicate.is_none() => match covered_name(test) {
                Some(name) => drop(self.names.insert(place(test, name), id)),
                None if test.operator() == Operator::Eq => {}
                None => self.enter_other(id),
            },
            _ => self.enter_other(id),
        }
    }

    fn enter_other(&mut self, id: RuleId) {
        if self.others.len() < MOST_OTHERS {
            self.others.push(id);
        }
    }

    fn covering(&self, rule: &Rule) -> Option<Vec<RuleId>> {
        let equal = || self.equal(rule.predicate.as_ref(), &rule.condition);
        if let Some(id) = self.always.or_else(equal) {
            return Some(vec![id]);
        }
        let mut prover = Prover { arguments: self.arguments, steps: MOST_STEPS };
        self.covering_condition(rule, &rule.condition, &mut prover)
    }

    /// The rules one of which holds wherever this part of the rule's condition does.
    fn covering_condition(
        &self,
        rule: &Rule,
        condition: &Condition,
        prover: &mut Prover<'_>,
    ) -> Option<Vec<RuleId>> {
        let implied = |id: &&RuleId| {
            let other = self.policy.rule(**id);
            (other.predicate.is_none() || other.predicate == rule.predicate)
                && prover.implies(condition, &other.condition)
        };
        if let Some(id) = self.others.iter().find(implied) {
            return Some(vec![*id]);
        }
        let mut part = |part: &Condition| self.covering_condition(rule, part, prover);
        match condition {
            Condition::True | Condition::Not(_) => None,
            Condition::Test(test) => {
                let equal = || self.equal(None, condition);
                self.name_above(test).or_else(equal).map(|id| vec![id])
            }
            Condition::And(left, right) => part(left).or_else(|| part(right)),
            Condition::Or(left, right) => Some([part(left)?, part(right)?].concat()),
        }
    }

    fn equal(&self, predicate: Option<&Predicate>, condition: &Condition) -> Option<RuleId> {
        self.same.get(&key(predicate, condition)).copied()
    }

    /// The rule on a folder that all the comparison's values lie in.
    fn name_above(&self, test: &Comparison) -> Option<RuleId> {
        let name = folder(test, self.arguments.kind(test)?)?;
        let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        let mut folders = ends.chain([name.len()]).map(|end| name[..end].to_vec());
        folders.find_map(|folder| self.names.get(&place(test, folder)).copied())
    }
}

fn always_holds(rule: &Rule) -> bool {
    matches!(rule.condition, Condition::True) && rule.predicate.is_none()
}

fn place(test: &Comparison, name: Vec<u8>) -> (String, u8, Vec<u8>) {
    (test.argument().to_owned(), test.index().unwrap_or(0), name)
}

/// Equal for rules that by their text hold for the same calls of the same callers.
fn key(predicate: Option<&Predicate>, condition: &Condition) -> Vec<u8> {
    let mut key = format!("{predicate:?}\0").into_bytes();
    write_key(condition, &mut key);
    key
}

fn write_key(condition: &Condition, key: &mut Vec<u8>) {
    match condition {
        Condition::True => key.push(b't'),
        Condition::Test(test) => {
            let index = test.index().unwrap_or(0);
            key.extend(format!("{} {index} {} ", test.argument(), test.operator().name()).bytes());
            // No text holds a NUL byte.
            key.extend([test.text(), b"\0"].concat());
        }
        Condition::Not(inner) => {
            key.push(b'!');
            write_key(inner, key);
        }
        Condition::And(left, right) | Condition::Or(left, right) => {
            key.push(if matches!(condition, Condition::And(..)) { b'&' } else { b'|' });
            write_key(left, key);
            write_key(right, key);
        }
    }
}
