//! Warns of rules whose place makes them mean something else than they seem to.

use std::collections::HashMap;

use crate::ast::{Action, Expression, RuleText};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::registry::names::{self, Named};

/// Of the rules of one name: the first, and the one that decides every call that comes to it.
struct Above {
    first: Span,
    last: Option<Span>,
}

/// A finding for each rule that can never decide, and for each plain rule below others of its name,
/// which the original would have let override them.
pub(super) fn check<'t>(rules: impl Iterator<Item = &'t RuleText>) -> Vec<Diagnostic> {
    let mut named: HashMap<&str, Above> = HashMap::new();
    let mut findings = Vec::new();
    for rule in rules {
        let last = decides(rule).then_some(rule.span);
        match named.get_mut(rule.call.value.as_str()) {
            Some(above) => {
                findings.extend(finding(rule, above));
                above.last = above.last.or(last);
            }
            None => {
                named.insert(&rule.call.value, Above { first: rule.span, last });
            }
        }
    }
    findings
}

fn decides(rule: &RuleText) -> bool {
    let always = matches!(rule.condition, Expression::True(_)) && rule.predicate.is_none();
    always && !matches!(rule.action.value, Action::Ask)
}

fn finding(rule: &RuleText, above: &Above) -> Option<Diagnostic> {
    let overriding = rule.plain
        && rule.predicate.is_none()
        && matches!(names::meaning(&rule.call.value), Named::Forms(_));
    if overriding {
        let message = "systrace 1.6 tried this plain rule first; here those above it come first";
        let finding = Diagnostic::new(Code::PlainOrder, rule.span, message);
        return Some(finding.label(above.first, "a rule on the same call"));
    }
    let finding = Diagnostic::new(Code::Unreachable, rule.span, "this rule never decides");
    above.last.map(|last| finding.label(last, "this one decides every call"))
}
