//! Mounts that forbid what the rules forbid, roughly: never exactly, so only where somebody allows it.

use std::collections::BTreeSet;

use policy::program::{Action as RuleAction, Policy, RuleId};
use policy::registry::{self, Alias, FormId};
use policy::{FileName, PolicySet, Rule};

use crate::plan::{Difference, Direction};
use crate::spec::capabilities::Asking;
use crate::spec::{Because, Change, Edit};

/// The edits that the policies allow. Whether the container's mounts fit them is seen where they are made.
pub(super) fn edits(set: &PolicySet) -> Vec<Edit> {
    let written =
        names(set, |form| form.form().aliases.iter().any(|usage| usage.alias == Alias::Write));
    let root = written.map(|writable| {
        let what = "fchmod(2) and other calls on descriptors fail too, and access(2) says EROFS";
        edit(Change::ReadOnlyRoot { writable }, denials(set, Alias::Write), what)
    });
    let executed = names(set, |form| matches!(form.call().name, "execve" | "execveat"));
    let mounts = executed.map(|executable| {
        let what = "no library can be mapped from mounts where nothing may be executed";
        let call = "execve";
        let rules = super::denials(set, &Asking { call, only: None });
        edit(Change::NoExec { executable }, vec![Because { call, rules }], what)
    });
    let masks = masked(set).into_iter().map(|path| {
        let because = [denials(set, Alias::Read), denials(set, Alias::Write)].concat();
        let what =
            "stat(2) and other calls that have rules of their own find an empty folder there";
        edit(Change::Mask { path }, because, what)
    });
    root.into_iter().chain(mounts).chain(masks).collect()
}

fn edit(change: Change, because: Vec<Because>, what: &str) -> Edit {
    let difference = Difference { direction: Direction::Stricter, what: what.to_owned() };
    Edit { change, because, difference: Some(difference) }
}

/// Everything that the rules which judge some forms permit; none: it cannot be told.
fn names(set: &PolicySet, of: impl Fn(FormId) -> bool) -> Option<Vec<String>> {
    let mut names = BTreeSet::new();
    for policy in &set.policies {
        for rule in rules(policy, &of).into_iter().map(|id| policy.rule(id)) {
            if !matches!(rule.action, RuleAction::Deny(_)) {
                for name in rule.condition.file_names()? {
                    names.insert(plain(&name)?);
                }
            }
        }
    }
    Some(names.into_iter().collect())
}

/// Those that judge such forms by name or by fswrite.
fn rules(policy: &Policy, of: impl Fn(FormId) -> bool) -> BTreeSet<RuleId> {
    let forms = registry::forms().filter(|form| of(*form)).map(|form| policy.rules_for(form));
    forms.flat_map(|rules| rules.own.iter().chain(rules.write)).copied().collect()
}

/// A name that means the same to everybody.
fn plain(name: &FileName) -> Option<String> {
    let text = std::str::from_utf8(name.text()).ok()?;
    let odd =
        !text.starts_with('/') || text.contains('$') || text.split('/').any(|part| part == "..");
    (!odd).then(|| text.to_owned())
}

fn alias_rules(policy: &Policy, alias: Alias) -> impl Iterator<Item = &Rule> {
    let ids: BTreeSet<_> = registry::forms()
        .map(|form| policy.rules_for(form))
        .flat_map(|rules| match alias {
            Alias::Read => rules.read,
            Alias::Write => rules.write,
        })
        .copied()
        .collect();
    ids.into_iter().map(|id| policy.rule(id))
}

fn denials(set: &PolicySet, alias: Alias) -> Vec<Because> {
    let rules = set.policies.iter().flat_map(|policy| alias_rules(policy, alias));
    let denies = rules.filter(|rule| matches!(rule.action, RuleAction::Deny(_)));
    let mut rules: Vec<_> = denies.map(|rule| rule.origin.to_string()).collect();
    rules.dedup();
    vec![Because { call: alias.name(), rules }]
}

/// Folders in which every policy denies to read and to write, whatever comes after.
fn masked(set: &PolicySet) -> Vec<String> {
    let Some(first) = set.policies.first() else { return Vec::new() };
    let denied = |policy: &Policy| {
        [Alias::Read, Alias::Write].map(|alias| leading(alias_rules(policy, alias)))
    };
    let [read, _] = denied(first);
    let everywhere = |path: &String| {
        set.policies.iter().all(|policy| denied(policy).iter().all(|list| list.contains(path)))
    };
    read.into_iter().filter(everywhere).collect()
}

/// The folders that rules deny before anything is permitted.
fn leading<'r>(rules: impl Iterator<Item = &'r Rule>) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for rule in rules {
        if !matches!(rule.action, RuleAction::Deny(_)) {
            break;
        }
        let names = rule.condition.file_names().filter(|_| rule.predicate.is_none());
        for name in names.into_iter().flatten() {
            let folder = matches!(name, FileName::Tree(_)).then(|| plain(&name)).flatten();
            folders.extend(folder.filter(|folder| folder != "/"));
        }
    }
    folders
}
