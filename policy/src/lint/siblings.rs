//! Warns of rules that name one of several calls which do the same with a file, and leave the
//! others out.
//!
//! The name of the oldest call stands for all of them (`rename` is also `renameat` and
//! `renameat2`), so only who wrote the name of a newer one can have forgotten its siblings.

use std::collections::BTreeMap;

use super::{Checked, CheckedRule};
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Action, RuleId};
use crate::registry::names::{self, Named};
use crate::registry::{FormId, Kind};

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let mut names: BTreeMap<&str, &CheckedRule<'_>> = BTreeMap::new();
    for rule in &checked.rules {
        names.entry(&rule.text.call.value).or_insert(rule);
    }
    let mut groups: BTreeMap<&str, &CheckedRule<'_>> = BTreeMap::new();
    for rule in names.into_values() {
        for group in groups_of(rule) {
            groups.entry(group).or_insert(rule);
        }
    }
    groups.into_iter().filter_map(|(group, rule)| finding(checked, group, rule)).collect()
}

/// The names that mean calls for files which this rule's name leaves out.
fn groups_of(rule: &CheckedRule<'_>) -> Vec<&'static str> {
    let Named::Forms(forms) = &rule.meaning else { return Vec::new() };
    let files = forms.iter().filter(|form| is_about_files(**form));
    let left_out = |group: &&str| reach(group).iter().any(|form| !forms.contains(form));
    let mut groups: Vec<_> = files.map(|form| widest(*form)).filter(left_out).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn is_about_files(form: FormId) -> bool {
    form.form().parameters.iter().any(|parameter| parameter.kind == Kind::Filename)
}

/// Of the names of a form the one that means most calls; of several, the first.
fn widest(form: FormId) -> &'static str {
    let names = form.form().names.iter().rev().copied();
    let calls = |name: &&str| {
        let mut calls: Vec<_> = reach(name).iter().map(|form| form.call().number).collect();
        calls.dedup();
        calls.len()
    };
    names.max_by_key(calls).unwrap_or_default()
}

fn reach(name: &str) -> Vec<FormId> {
    match names::meaning(name) {
        Named::Forms(forms) => forms,
        _ => Vec::new(),
    }
}

fn finding(checked: &Checked<'_>, group: &str, rule: &CheckedRule<'_>) -> Option<Diagnostic> {
    let permits = matches!(rule.rule.action, Action::Permit(_));
    let forgotten = |form: &FormId| match permits {
        true => is_uncovered(checked, *form),
        false => is_open(checked, *form),
    };
    let mut missing: Vec<_> =
        reach(group).into_iter().filter(forgotten).map(|form| form.call().name).collect();
    missing.dedup();
    if missing.is_empty() {
        return None;
    }
    let name = &rule.text.call.value;
    let effect = if permits { "no rule judges" } else { "other rules permit" };
    let message = format!("`{name}` has siblings that {effect}: {}", missing.join(", "));
    let help = format!("`{group}` is the name of all of them");
    Some(Diagnostic::new(Code::MissingSibling, rule.text.call.span, message).help(help))
}

/// No rule at all judges the form: it is denied, where its sibling is permitted.
fn is_uncovered(checked: &Checked<'_>, form: FormId) -> bool {
    let rules = checked.policy.rules_for(form);
    is_about_files(form) && [rules.own, rules.read, rules.write].iter().all(|list| list.is_empty())
}

/// The author wrote no rule on the form's names, and something permits it, where its sibling is
/// denied.
fn is_open(checked: &Checked<'_>, form: FormId) -> bool {
    let rules = checked.policy.rules_for(form);
    let permits = |id: &RuleId| matches!(checked.policy.rule(*id).action, Action::Permit(_));
    is_about_files(form)
        && !rules.own.iter().any(|id| checked.written(*id).is_some())
        && [rules.own, rules.read, rules.write].concat().iter().any(permits)
}
