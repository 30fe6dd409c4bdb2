//! Notes what asks a person: in a container without one, that is a denial.

use super::Checked;
use crate::ast::Action;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let asking = checked.rules.iter().filter(|rule| rule.text.action.value == Action::Ask);
    let note =
        |place| Diagnostic::new(Code::AskUnanswered, place, "where nobody can answer, this denies");
    asking.map(|rule| note(rule.text.action.span)).collect()
}
