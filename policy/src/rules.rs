//! Ordered lists of rules, arranged so that long runs of mere file names are looked up, not tried
//! one by one.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::ast::Operator;
use crate::condition::Condition;
use crate::matcher::Matcher;
use crate::program::{Rule, RuleId};
use crate::registry::Alias;

/// The lists that judge one form.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormLists {
    /// Rules on the call's names.
    pub(crate) own: Arc<RuleList>,
    /// Rules on `fsread` and `fswrite`; none where the form does not use the alias.
    pub(crate) aliases: [Option<Arc<RuleList>>; 2],
}

impl FormLists {
    pub(crate) fn alias(&self, alias: Alias) -> Option<&RuleList> {
        self.aliases[alias as usize].as_deref()
    }
}

/// Makes each list once, however many forms share it.
pub(crate) struct Arranger<'r> {
    rules: &'r [Rule],
    made: HashMap<Vec<RuleId>, Arc<RuleList>>,
}

impl<'r> Arranger<'r> {
    pub(crate) fn new(rules: &'r [Rule]) -> Self {
        Self { rules, made: HashMap::new() }
    }

    pub(crate) fn list(&mut self, ids: &[RuleId]) -> Arc<RuleList> {
        if let Some(list) = self.made.get(ids) {
            return Arc::clone(list);
        }
        let list = Arc::new(RuleList::new(ids.to_vec(), self.rules));
        self.made.insert(ids.to_vec(), Arc::clone(&list));
        list
    }

    /// The same lists, for rules that have changed since.
    pub(crate) fn rearrange(&mut self, lists: &FormLists) -> FormLists {
        let own = self.list(lists.own.ids());
        let mut again = |list: &Option<Arc<RuleList>>| list.as_ref().map(|l| self.list(l.ids()));
        let [read, write] = &lists.aliases;
        FormLists { own, aliases: [again(read), again(write)] }
    }
}

/// Rules in the order in which they are tried.
#[derive(Debug, Default)]
pub(crate) struct RuleList {
    ids: Vec<RuleId>,
    steps: Vec<Step>,
}

/// A piece of a list.
#[derive(Debug)]
pub(crate) enum Step {
    /// These places of the list are tried one after the other.
    Each(Range<usize>),
    /// The rules of a run only compare `filename` with names: the first that holds is looked up.
    Names(NameTable),
}

/// Shorter runs are tried one by one.
const SHORTEST_TABLE: usize = 8;

impl RuleList {
    pub(crate) fn new(ids: Vec<RuleId>, rules: &[Rule]) -> Self {
        let named = |id: &RuleId| names_of(&rules[id.0 as usize]).is_some();
        let mut steps = Vec::new();
        let mut start = 0;
        for run in ids.chunk_by(|one, next| named(one) == named(next)) {
            let places = start..start + run.len();
            start = places.end;
            let looked_up = run.len() >= SHORTEST_TABLE && named(&run[0]);
            steps.push(match looked_up {
                true => Step::Names(NameTable::new(run, rules)),
                false => Step::Each(places),
            });
        }
        Self { ids, steps }
    }

    pub(crate) fn ids(&self) -> &[RuleId] {
        &self.ids
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// The names that a rule compares `filename` with, if it does nothing else.
fn names_of(rule: &Rule) -> Option<&[Matcher]> {
    let Condition::Test(comparison) = &rule.condition else { return None };
    let plain = rule.predicate.is_none()
        && comparison.argument() == "filename"
        && comparison.index().is_none()
        && matches!(comparison.operator(), Operator::Match | Operator::Eq);
    let literal = |matcher: &Matcher| matches!(matcher, Matcher::Under(_) | Matcher::Whole(_));
    let matchers = comparison.matchers();
    (plain && matchers.iter().all(literal)).then_some(matchers)
}

/// The first rule of a run for each name.
#[derive(Debug, Default)]
pub(crate) struct NameTable {
    /// `eq`.
    whole: HashMap<Vec<u8>, RuleId>,
    /// `match`: the name or a folder above.
    under: HashMap<Vec<u8>, RuleId>,
    /// Of the names in `under`: no longer folder needs a look.
    longest: usize,
}

impl NameTable {
    fn new(run: &[RuleId], rules: &[Rule]) -> Self {
        let mut table = Self::default();
        for id in run {
            for matcher in names_of(&rules[id.0 as usize]).unwrap_or_default() {
                let (map, name) = match matcher {
                    Matcher::Whole(name) => (&mut table.whole, name),
                    Matcher::Under(name) => (&mut table.under, name),
                    _ => continue,
                };
                map.entry(name.clone()).or_insert(*id);
            }
        }
        table.longest = table.under.keys().map(Vec::len).max().unwrap_or(0);
        table
    }

    /// The first rule that holds for the name. Ids grow along a list, so the first is the smallest.
    pub(crate) fn first(&self, name: &[u8]) -> Option<RuleId> {
        let folders = name.iter().take(self.longest + 1).enumerate();
        let folders = folders.filter(|(_, byte)| **byte == b'/').map(|(end, _)| &name[..end]);
        let under = folders.chain([name]).filter_map(|folder| self.under.get(folder));
        self.whole.get(name).into_iter().chain(under).min().copied()
    }
}
