//! Ordered lists of rules, arranged so that rules which only compare an argument with names are
//! looked up, not tried one by one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::Operator;
use crate::condition::{Comparison, Condition};
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
    /// In the order of their first rules.
    steps: Vec<Step>,
}

/// A piece of a list.
#[derive(Debug)]
pub(crate) enum Step {
    /// This rule is tried.
    One(RuleId),
    /// The first of many rules that holds is looked up. Rules of other steps may stand between
    /// them.
    Many(NameTable),
}

/// Fewer rules on an argument are tried one by one.
const SMALLEST_TABLE: usize = 8;

impl RuleList {
    pub(crate) fn new(ids: Vec<RuleId>, rules: &[Rule]) -> Self {
        let mut by_argument: HashMap<Argument<'_>, Vec<RuleId>> = HashMap::new();
        let mut steps = Vec::new();
        for id in &ids {
            match naming(&rules[id.0 as usize]) {
                Some(naming) => by_argument.entry(argument(naming)).or_default().push(*id),
                None => steps.push(Step::One(*id)),
            }
        }
        for run in by_argument.into_values() {
            match run.len() < SMALLEST_TABLE {
                true => steps.extend(run.into_iter().map(Step::One)),
                false => steps.push(Step::Many(NameTable::new(&run, rules))),
            }
        }
        steps.sort_unstable_by_key(Step::first);
        Self { ids, steps }
    }

    pub(crate) fn ids(&self) -> &[RuleId] {
        &self.ids
    }

    /// Each step begins above all that follow; the rules of a [`Step::Many`] go on among them.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl Step {
    /// Ids grow along a list, so this is the smallest.
    pub(crate) fn first(&self) -> RuleId {
        match self {
            Self::One(id) => *id,
            Self::Many(table) => table.rule,
        }
    }
}

type Argument<'r> = (&'r str, u8);

fn argument(comparison: &Comparison) -> Argument<'_> {
    (comparison.argument(), comparison.index().unwrap_or(0))
}

/// The comparison of a rule that compares one argument with names and does nothing else.
fn naming(rule: &Rule) -> Option<&Comparison> {
    let Condition::Test(comparison) = &rule.condition else { return None };
    let plain =
        rule.predicate.is_none() && matches!(comparison.operator(), Operator::Match | Operator::Eq);
    let literal = |matcher: &Matcher| matches!(matcher, Matcher::Under(_) | Matcher::Whole(_));
    (plain && comparison.matchers().iter().all(literal)).then_some(comparison)
}

/// Of rules that compare one argument with names: the first for each name.
#[derive(Debug)]
pub(crate) struct NameTable {
    argument: String,
    index: u8,
    /// The first of all.
    rule: RuleId,
    /// `eq`; in lower case unless the argument is a file name ([`Matcher::holds`]).
    whole: HashMap<Box<[u8]>, RuleId>,
    /// `match`: the name or a folder above.
    under: HashMap<Box<[u8]>, RuleId>,
    /// Of the names in `under`: no longer folder needs a look.
    longest: usize,
}

impl NameTable {
    /// A table of rules on the same argument, which are at least one.
    fn new(run: &[RuleId], rules: &[Rule]) -> Self {
        let comparisons =
            || run.iter().filter_map(|id| Some((*id, naming(&rules[id.0 as usize])?)));
        let (argument, index) =
            comparisons().next().map(|(_, one)| argument(one)).unwrap_or_default();
        let mut table = Self {
            argument: argument.to_owned(),
            index,
            rule: run[0],
            whole: HashMap::new(),
            under: HashMap::new(),
            longest: 0,
        };
        for (id, comparison) in comparisons() {
            comparison.matchers().iter().for_each(|matcher| table.add(id, matcher));
        }
        table
    }

    fn add(&mut self, id: RuleId, matcher: &Matcher) {
        let (map, name) = match matcher {
            Matcher::Whole(name) if self.keeps_case() => (&mut self.whole, name.clone()),
            Matcher::Whole(name) => (&mut self.whole, name.to_ascii_lowercase()),
            Matcher::Under(name) => {
                self.longest = self.longest.max(name.len());
                (&mut self.under, name.clone())
            }
            _ => return,
        };
        map.entry(name.into()).or_insert(id);
    }

    /// The argument's name and index.
    pub(crate) fn argument(&self) -> Argument<'_> {
        (&self.argument, self.index)
    }

    /// File names, and nothing else, are called so.
    fn keeps_case(&self) -> bool {
        self.argument == "filename"
    }

    /// The first rule that holds for the argument's text.
    pub(crate) fn first(&self, text: &[u8]) -> Option<RuleId> {
        let folders = text.iter().take(self.longest + 1).enumerate();
        let folders = folders.filter(|(_, byte)| **byte == b'/').map(|(end, _)| &text[..end]);
        let under = folders.chain([text]).filter_map(|folder| self.under.get(folder)).min();
        let whole = match self.keeps_case() {
            true => self.whole.get(text),
            false => self.whole.get(text.to_ascii_lowercase().as_slice()),
        };
        whole.into_iter().chain(under).min().copied()
    }
}
