//! Warns of calls that are made with the rights of the superuser.

use super::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Action, Principal};

pub(super) fn check(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for rule in &checked.rules {
        let user = rule.rule.identity.as_ref().and_then(|identity| identity.user.as_ref());
        let root = user.is_some_and(is_root) && matches!(rule.rule.action, Action::Permit(_));
        let Some(identity) = rule.text.identity.as_ref().filter(|_| root) else { continue };
        let message = "the call is made with the rights of root";
        findings.push(Diagnostic::new(Code::PermitAsRoot, identity.span, message).help(
            "let the condition name no more than what needs them, and say so in an ignore comment",
        ));
    }
    findings
}

fn is_root(user: &Principal) -> bool {
    match user {
        Principal::Id(id) => *id == 0,
        Principal::Name(name) => name == "root",
    }
}
