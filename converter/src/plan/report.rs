//! What a plan says about each rule, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use policy::Rule;
use policy::registry::FormId;
use serde::Serialize;

use crate::plan::lowered::Fate;
use crate::plan::{Reason, Target};
use crate::seccomp::Filter;

/// How one rule is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulePlan {
    /// The program that the rule's policy is for.
    pub program: String,
    /// The file or template.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// The rule as written.
    pub text: String,
    /// Who decides by it.
    pub mechanism: Mechanism,
    /// The same calls pass as the rule says.
    pub exact: bool,
    /// What a call pays.
    pub cost: Cost,
    /// Why, and for which calls; empty if there is nothing to say.
    pub note: String,
}

/// Who decides by a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanism {
    /// The kernel, by the BPF program.
    Seccomp,
    /// The supervisor, at least for some calls.
    Supervisor,
    /// Nobody: other rules decide all its calls before.
    Unreachable,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Seccomp => "seccomp",
            Self::Supervisor => "supervisor",
            Self::Unreachable => "unreachable",
        })
    }
}

/// What a call that a rule decides pays for it. The figures were measured on a virtual machine with
/// two processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cost {
    /// No call is decided by it.
    Nothing,
    /// A look into the kernel's table of constant answers.
    Constant,
    /// A run of the BPF program.
    Comparison,
    /// A notification and its answer.
    Notification,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "-",
            Self::Constant => "< 0.1 µs",
            Self::Comparison => "~ 0.1 µs",
            Self::Notification => "> 5 µs",
        })
    }
}

/// What is the same for all rules of a plan.
pub(super) struct Whole<'p> {
    pub(super) filter: &'p Filter,
    pub(super) target: Target,
}

/// Tells about one rule, given what became of it on each form and on which forms it is denied for
/// want of a performer.
pub(super) fn rule(
    program: &str,
    rule: &Rule,
    fates: &[(FormId, Fate)],
    denied: &[FormId],
    whole: &Whole<'_>,
) -> RulePlan {
    let mechanism = mechanism(fates);
    let stricter = fates.iter().any(|(_, fate)| *fate == Fate::Stricter);
    let exact = denied.is_empty()
        && !stricter
        && (whole.target != Target::BestEffort || mechanism != Mechanism::Supervisor);
    RulePlan {
        program: program.to_owned(),
        file: rule.origin.file.to_string(),
        line: rule.origin.line,
        text: rule.origin.text.clone(),
        mechanism,
        exact,
        cost: cost(mechanism, fates, whole.filter),
        note: note(mechanism, fates, denied),
    }
}

fn mechanism(fates: &[(FormId, Fate)]) -> Mechanism {
    match fates.iter().map(|(_, fate)| fate).max() {
        Some(Fate::Supervisor(_)) => Mechanism::Supervisor,
        Some(Fate::Kernel | Fate::Stricter) => Mechanism::Seccomp,
        Some(Fate::Unreachable) | None => Mechanism::Unreachable,
    }
}

fn cost(mechanism: Mechanism, fates: &[(FormId, Fate)], filter: &Filter) -> Cost {
    let constant =
        |form: &FormId| filter.calls.get(&form.call().number).is_none_or(|c| c.len() < 2);
    match mechanism {
        Mechanism::Supervisor => Cost::Notification,
        Mechanism::Seccomp if !fates.iter().all(|(form, _)| constant(form)) => Cost::Comparison,
        Mechanism::Seccomp => Cost::Constant,
        Mechanism::Unreachable => Cost::Nothing,
    }
}

fn note(mechanism: Mechanism, fates: &[(FormId, Fate)], denied: &[FormId]) -> String {
    let mut by_reason: BTreeMap<Reason, Vec<FormId>> = BTreeMap::new();
    for (form, fate) in fates {
        if let Fate::Supervisor(reason) = fate {
            by_reason.entry(*reason).or_default().push(*form);
        }
    }
    let mut notes: Vec<String> = by_reason
        .iter()
        .map(|(reason, forms)| format!("{}: {}", reason.text(), names(forms)))
        .collect();
    let stricter: Vec<_> =
        fates.iter().filter(|(_, fate)| *fate == Fate::Stricter).map(|(form, _)| *form).collect();
    if !stricter.is_empty() {
        notes.push(format!(
            "denied, as only the program's memory tells what is meant: {}",
            names(&stricter)
        ));
    }
    if !denied.is_empty() {
        notes.push(format!("denied, as the supervisor cannot carry them out: {}", names(denied)));
    }
    if mechanism == Mechanism::Unreachable {
        notes.push(if fates.is_empty() { "judges no call" } else { "earlier rules decide" }.into());
    }
    notes.join("; ")
}

/// The calls of some forms, the first few by name.
fn names(forms: &[FormId]) -> String {
    const SHOWN: usize = 4;
    // The forms of a call stand together.
    let mut calls: Vec<_> = forms.iter().map(|form| form.call().name).collect();
    calls.dedup();
    let shown = calls[..calls.len().min(SHOWN)].join(" ");
    match calls.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} +{more}"),
    }
}
