//! What a plan says about each rule, for people and for programs.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use policy::registry::FormId;
use policy::{Action, FileName, Rule};
use serde::Serialize;

use crate::plan::lowered::{Fate, Lowered};
use crate::plan::{Difference, Direction, Mechanism, Reason, Target};
use crate::seccomp::{Action as FilterAction, Filter};

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
    /// Who decides by it; if several do, the dearest.
    pub mechanism: Mechanism,
    /// Who decides for which calls, cheapest first.
    pub parts: Vec<Part>,
    /// The same calls pass as the rule says.
    pub exact: bool,
    /// Where they do not.
    pub differences: Vec<Difference>,
    /// What a call pays.
    pub cost: Cost,
    /// Why, and for which calls; empty if there is nothing to say.
    pub note: String,
    /// What else is to be known of the mechanism.
    pub caveats: Vec<&'static str>,
}

/// The calls that one mechanism decides by a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Who decides.
    pub mechanism: Mechanism,
    /// The calls, in the order of their numbers.
    pub calls: Vec<&'static str>,
    /// Why no cheaper mechanism does, for the supervisor's part.
    pub reasons: Vec<String>,
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
    /// A run of the socket's program.
    Program,
    /// Landlock's walk from the file up to the root.
    Walk,
    /// A notification and its answer.
    Notification,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "-",
            Self::Constant => "< 0.1 µs",
            Self::Comparison => "~ 0.1 µs",
            Self::Program => "~ 0.5 µs",
            Self::Walk => "~ 1 µs",
            Self::Notification => "> 5 µs",
        })
    }
}

/// What is the same for all rules of a plan.
pub(super) struct Whole<'p> {
    pub(super) filter: &'p Filter,
    pub(super) target: Target,
    /// A program holds connect(2) to what the supervisor decided.
    pub(super) held: bool,
}

/// What became of a rule on one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bearing<'l> {
    pub(super) form: FormId,
    pub(super) fate: Fate,
    /// All rules of the form.
    pub(super) lowered: &'l Lowered,
}

/// Tells about one rule, given what became of it on each form and on which forms it is denied for
/// want of a performer.
pub(super) fn rule(
    program: &str,
    rule: &Rule,
    bearings: &[Bearing<'_>],
    denied: &[FormId],
    whole: &Whole<'_>,
) -> RulePlan {
    let parts = parts(bearings, whole.target);
    let mechanism = parts.last().map_or(Mechanism::Unreachable, |part| part.mechanism);
    let stricter = bearings.iter().any(|one| one.fate == Fate::Stricter);
    // A denial cannot be too strict.
    let denies = matches!(rule.action, Action::Deny(_));
    let mut differences = if denies { Vec::new() } else { differences(bearings) };
    if whole.target == Target::BestEffort {
        differences.extend(unjudged(bearings, whole.filter));
    }
    let exact =
        denied.is_empty() && !stricter && differences.is_empty() && mechanism != Mechanism::Nobody;
    RulePlan {
        program: program.to_owned(),
        file: rule.origin.file.to_string(),
        line: rule.origin.line,
        text: rule.origin.text.clone(),
        mechanism,
        parts,
        exact,
        differences,
        cost: cost(mechanism, bearings, whole.filter),
        note: note(mechanism, bearings, denied),
        caveats: caveats(rule, bearings, whole),
    }
}

/// What is true of a rule's mechanism in corners that no call of the rule is about (SECURITY.md).
fn caveats(rule: &Rule, bearings: &[Bearing<'_>], whole: &Whole<'_>) -> Vec<&'static str> {
    let fenced = bearings.iter().any(|one| one.fate == Fate::Carried(Mechanism::Landlock));
    let denies = matches!(rule.action, Action::Deny(_));
    let connects = |one: &Bearing<'_>| {
        matches!(one.fate, Fate::Supervisor(_)) && one.form.call().name == "connect"
    };
    let names = rule.condition.file_names().unwrap_or_default();
    let null = names.iter().any(|name| match name {
        FileName::Only(name) => name == b"/dev/null",
        FileName::Tree(name) => Path::new("/dev/null").starts_with(OsStr::from_bytes(name)),
    });
    let mut caveats = Vec::new();
    if fenced && denies {
        caveats.push(
            "Landlock lets a file without a name be opened anew for writing through /proc/PID/fd",
        );
    }
    if fenced && null {
        caveats.push("files of proc(5) over which the runtime mounts /dev/null may be opened, too");
    }
    if whole.held && bearings.iter().any(connects) {
        caveats.push("connect is held: decided first, then made by the caller itself, and a socket program denies any other address");
    }
    caveats
}

/// What becomes of a rule that nobody judges by, in one line.
#[must_use]
pub fn weakness(rule: &RulePlan) -> String {
    let direction = |direction| match direction {
        Direction::Stricter => "stricter than the rule",
        Direction::Weaker => "weaker than the rule",
    };
    let differences = rule.differences.iter();
    let told = differences.map(|one| format!("{}, {}", direction(one.direction), one.what));
    told.collect::<Vec<_>>().join("; ")
}

/// Where nobody looks at what a rule compares.
fn unjudged(bearings: &[Bearing<'_>], filter: &Filter) -> Vec<Difference> {
    let passes = |form: &FormId| {
        let clauses = filter.calls.get(&form.call().number).into_iter().flatten();
        clauses.into_iter().any(|clause| clause.action == FilterAction::Allow)
    };
    let judged = |one: &&Bearing<'_>| matches!(one.fate, Fate::Supervisor(_));
    let forms = bearings.iter().filter(judged).map(|one| one.form);
    let (weaker, stricter): (Vec<_>, Vec<_>) = forms.partition(passes);
    let [weaker, stricter] = [
        (Direction::Weaker, "whatever the rule compares, these pass", weaker),
        (Direction::Stricter, "whatever the rule compares, these are denied", stricter),
    ]
    .map(|(direction, what, forms)| {
        let what = format!("{what}: {}", names(&forms));
        (!forms.is_empty()).then_some(Difference { direction, what })
    });
    weaker.into_iter().chain(stricter).collect()
}

fn mechanism(fate: Fate, target: Target) -> Mechanism {
    match fate {
        Fate::Supervisor(_) if target == Target::BestEffort => Mechanism::Nobody,
        Fate::Supervisor(_) => Mechanism::Supervisor,
        Fate::Carried(mechanism) => mechanism,
        Fate::Kernel | Fate::Stricter => Mechanism::Seccomp,
        Fate::Unreachable => Mechanism::Unreachable,
    }
}

/// Forms that other rules decide before are no part of it.
fn parts(bearings: &[Bearing<'_>], target: Target) -> Vec<Part> {
    let mut parts: BTreeMap<Mechanism, Part> = BTreeMap::new();
    for bearing in bearings {
        let mechanism = mechanism(bearing.fate, target);
        if mechanism == Mechanism::Unreachable {
            continue;
        }
        let empty = || Part { mechanism, calls: Vec::new(), reasons: Vec::new() };
        let part = parts.entry(mechanism).or_insert_with(empty);
        let call = bearing.form.call().name;
        if !part.calls.contains(&call) {
            part.calls.push(call);
        }
        if let Fate::Supervisor(reason) = bearing.fate {
            let obstacles = bearing.lowered.obstacles.iter();
            let obstacles = obstacles.map(|(mechanism, why)| format!("{mechanism}: {why}"));
            for reason in std::iter::once(reason.text().to_owned()).chain(obstacles) {
                if !part.reasons.contains(&reason) {
                    part.reasons.push(reason);
                }
            }
        }
    }
    parts.into_values().collect()
}

fn differences(bearings: &[Bearing<'_>]) -> Vec<Difference> {
    let mut all = Vec::new();
    for difference in bearings.iter().filter_map(|one| one.lowered.difference.as_ref()) {
        if !all.contains(difference) {
            all.push(difference.clone());
        }
    }
    all
}

fn cost(mechanism: Mechanism, bearings: &[Bearing<'_>], filter: &Filter) -> Cost {
    let constant =
        |one: &Bearing<'_>| filter.calls.get(&one.form.call().number).is_none_or(|c| c.len() < 2);
    match mechanism {
        Mechanism::Supervisor => Cost::Notification,
        Mechanism::Landlock => Cost::Walk,
        Mechanism::Sockets => Cost::Program,
        Mechanism::Seccomp if !bearings.iter().all(constant) => Cost::Comparison,
        Mechanism::Seccomp => Cost::Constant,
        Mechanism::Spec | Mechanism::Nobody | Mechanism::Unreachable => Cost::Nothing,
    }
}

fn note(mechanism: Mechanism, bearings: &[Bearing<'_>], denied: &[FormId]) -> String {
    let mut by_reason: BTreeMap<Reason, Vec<FormId>> = BTreeMap::new();
    for bearing in bearings {
        if let Fate::Supervisor(reason) = bearing.fate {
            by_reason.entry(reason).or_default().push(bearing.form);
        }
    }
    let mut notes: Vec<String> = by_reason
        .iter()
        .map(|(reason, forms)| format!("{}: {}", reason.text(), names(forms)))
        .collect();
    let stricter = bearings.iter().filter(|one| one.fate == Fate::Stricter);
    let stricter: Vec<_> = stricter.map(|one| one.form).collect();
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
        notes.push(
            if bearings.is_empty() { "judges no call" } else { "earlier rules decide" }.into(),
        );
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
