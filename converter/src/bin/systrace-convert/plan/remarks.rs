//! What is said about a rule or an edit beside who decides by it.

use converter::advice::Advice;
use converter::plan::{Difference, Direction};
use converter::spec::{Change, Edit};

use super::Row;

impl Row<'_> {
    /// Everything, one sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let rule = self.rule;
        let mut remarks = Vec::new();
        if rule.parts.len() > 1 {
            let cheaper = rule.parts.iter().filter(|part| part.mechanism != rule.mechanism);
            remarks
                .extend(cheaper.map(|part| format!("{}: {}", part.mechanism, some(&part.calls))));
        }
        remarks.extend((!rule.note.is_empty()).then(|| rule.note.clone()));
        remarks.extend(rule.differences.iter().map(|one| differs(one, "rule")));
        remarks.extend(rule.caveats.iter().map(|one| (*one).to_owned()));
        remarks.extend(self.moves_up.iter().map(|advice| format!("up: {}", would(advice))));
        remarks
    }
}

/// What would happen after a change.
pub fn would(advice: &Advice) -> String {
    let takes = advice.takes.iter();
    let takes = takes.map(|taken| format!("{} would take {}", taken.mechanism, some(&taken.calls)));
    format!("with {}, {}", advice.change, takes.collect::<Vec<_>>().join(", "))
}

/// Where an edit differs from the policy.
pub fn of_edit(edit: &Edit) -> Option<String> {
    edit.difference.as_ref().map(|one| differs(one, "policy"))
}

fn differs(difference: &Difference, from: &str) -> String {
    let direction = match difference.direction {
        Direction::Stricter => "stricter",
        Direction::Weaker => "WEAKER",
    };
    format!("{direction} than the {from}: {}", difference.what)
}

/// What denies the calls that would need what an edit takes away.
pub fn behind(edit: &Edit) -> String {
    let mut by_rules: Vec<(String, Vec<&str>)> = Vec::new();
    for because in &edit.because {
        let rules = match (&because.rules[..], &edit.change) {
            ([], Change::DropCapability { .. }) => "no rule permits".to_owned(),
            ([], _) => "no rule permits anything else of".to_owned(),
            ([one], _) => format!("{one} denies"),
            (rules, _) => format!("{} deny", rules.join(" ")),
        };
        match by_rules.iter_mut().find(|(known, _)| *known == rules) {
            Some((_, calls)) => calls.push(because.call),
            None => by_rules.push((rules, vec![because.call])),
        }
    }
    let told = by_rules.iter().map(|(rules, calls)| format!("{rules} {}", calls.join(" ")));
    told.collect::<Vec<_>>().join("; ")
}

/// The first few calls by name.
pub fn some(calls: &[&str]) -> String {
    const SHOWN: usize = 6;
    let shown = calls[..calls.len().min(SHOWN)].join(" ");
    match calls.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} +{more}"),
    }
}
