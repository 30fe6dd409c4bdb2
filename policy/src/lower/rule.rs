//! One rule.

use crate::ast::{self, Expression, Operator, RuleText, Test};
use crate::condition::{Comparison, Condition};
use crate::diagnostic::{Code, Diagnostic};
use crate::errno::Errno;
use crate::program::{Action, Identity, Origin, Predicate, Principal, Rule};
use crate::registry::names::{self, Named};
use crate::source::Source;
use crate::suggest;

/// The meaning of a rule, apart from its name.
pub(super) fn lower(source: &Source, text: &RuleText) -> Result<Rule, Diagnostic> {
    Ok(Rule {
        origin: Origin {
            file: source.name().clone(),
            line: source.position(text.span.start).line,
            text: source.quote(text.span),
        },
        condition: condition(&text.condition)?,
        action: action(&text.action.value),
        log: text.log,
        identity: text.identity.as_ref().map(identity),
        predicate: text.predicate.as_ref().map(predicate),
    })
}

fn condition(expression: &Expression) -> Result<Condition, Diagnostic> {
    Ok(match expression {
        Expression::True(_) => Condition::True,
        Expression::Test(test) => Condition::Test(comparison(test)?),
        Expression::Not(inner, _) => Condition::Not(Box::new(condition(inner)?)),
        Expression::And(left, right) => {
            Condition::And(Box::new(condition(left)?), Box::new(condition(right)?))
        }
        Expression::Or(left, right) => {
            Condition::Or(Box::new(condition(left)?), Box::new(condition(right)?))
        }
        Expression::Group(inner, _) => condition(inner)?,
    })
}

fn comparison(test: &Test) -> Result<Comparison, Diagnostic> {
    let Test { argument, index, operator, text } = test;
    Comparison::new(&argument.value, *index, *operator, vec![text.value.clone()])
        .map_err(|error| Diagnostic::new(Code::Regex, text.span, error.to_string()))
}

fn action(action: &ast::Action) -> Action {
    match action {
        ast::Action::Permit(flag) => Action::Permit(*flag),
        // The parser knows every name that it lets pass.
        ast::Action::Deny(name) => {
            Action::Deny(name.as_deref().and_then(Errno::from_name).unwrap_or(Errno::EPERM))
        }
        ast::Action::Ask => Action::Ask,
    }
}

fn principal(name: &str) -> Principal {
    name.parse().map_or_else(|_| Principal::Name(name.to_owned()), Principal::Id)
}

fn identity(identity: &ast::Identity) -> Identity {
    let resolve = |name: &Option<String>| name.as_deref().map(principal);
    Identity { user: resolve(&identity.user), group: resolve(&identity.group) }
}

fn predicate(predicate: &ast::Predicate) -> Predicate {
    let ast::Predicate { subject, relation, name, .. } = predicate;
    Predicate { subject: *subject, relation: *relation, principal: principal(name) }
}

/// What is remarkable about a rule's name and its arguments.
pub(super) fn check(text: &RuleText, meaning: &Named) -> Vec<Diagnostic> {
    let call = &text.call;
    match meaning {
        Named::Unknown => {
            let message = format!("no call is named `{}`", call.value);
            let finding = Diagnostic::new(Code::UnknownCall, call.span, message);
            vec![helped(finding, suggest::help(&call.value, names::all()))]
        }
        Named::Nothing => {
            let message = format!("Linux has no `{}`: the rule has no effect", call.value);
            vec![Diagnostic::new(Code::NoCounterpart, call.span, message)]
        }
        Named::Forms(_) | Named::Alias(_) => {
            let known = arguments(meaning);
            let tests = tests(&text.condition);
            tests.into_iter().flat_map(|test| check_test(test, &call.value, &known)).collect()
        }
    }
}

fn check_test(test: &Test, call: &str, known: &[&str]) -> Vec<Diagnostic> {
    let Test { argument, operator, text, .. } = test;
    let mut findings = Vec::new();
    if !known.iter().any(|name| name.eq_ignore_ascii_case(&argument.value)) {
        let message = format!("`{call}` has no argument `{}`: this never holds", argument.value);
        let finding = Diagnostic::new(Code::UnknownArgument, argument.span, message);
        let list = || (!known.is_empty()).then(|| format!("it has {}", known.join(", ")));
        let help = suggest::help(&argument.value, known.iter().copied()).or_else(list);
        findings.push(helped(finding, help));
    }
    let literal = matches!(operator, Operator::Eq | Operator::Neq);
    if literal && text.value.iter().any(|byte| b"*?".contains(byte)) {
        let message = format!("`{}` compares with the whole text, `*` and all", operator.name());
        findings.push(
            Diagnostic::new(Code::LiteralPattern, text.span, message)
                .help("`match` knows wildcards"),
        );
    }
    findings
}

fn helped(finding: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// The arguments that rules of this name can test.
fn arguments(meaning: &Named) -> Vec<&'static str> {
    let mut known = match meaning {
        Named::Forms(forms) => {
            let parameters = forms.iter().flat_map(|id| id.form().parameters);
            parameters.map(|parameter| parameter.name).collect()
        }
        _ => vec!["filename"],
    };
    known.sort_unstable();
    known.dedup();
    known
}

/// The comparisons of a condition, from left to right.
fn tests(expression: &Expression) -> Vec<&Test> {
    match expression {
        Expression::True(_) => Vec::new(),
        Expression::Test(test) => vec![test],
        Expression::Not(inner, _) | Expression::Group(inner, _) => tests(inner),
        Expression::And(left, right) | Expression::Or(left, right) => {
            let mut all = tests(left);
            all.extend(tests(right));
            all
        }
    }
}
