//! One rule.

use std::collections::BTreeMap;

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
        names_errno: matches!(text.action.value, ast::Action::Deny(Some(_))),
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
            let findings = tests.into_iter().flat_map(|test| check_test(test, &call.value, &known));
            findings.take(Diagnostic::MOST_OF_A_RULE).collect()
        }
    }
}

fn check_test(test: &Test, call: &str, known: &[(&'static str, usize)]) -> Vec<Diagnostic> {
    [check_argument(test, call, known), check_text(test)].into_iter().flatten().collect()
}

fn check_argument(test: &Test, call: &str, known: &[(&'static str, usize)]) -> Option<Diagnostic> {
    let Test { argument, index, .. } = test;
    let name = &argument.value;
    let Some((_, count)) = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        let message = format!("`{call}` has no argument `{name}`: this never holds");
        let finding = Diagnostic::new(Code::UnknownArgument, argument.span, message);
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        let list = || (!names.is_empty()).then(|| format!("it has {}", names.join(", ")));
        return Some(helped(finding, suggest::help(name, names.iter().copied()).or_else(list)));
    };
    let index = index.filter(|index| usize::from(*index) >= *count)?;
    let message = format!("`{call}` has no `{name}[{index}]`: this never holds");
    Some(
        Diagnostic::new(Code::UnknownIndex, argument.span, message)
            .help("arguments are counted from 0"),
    )
}

fn check_text(test: &Test) -> Option<Diagnostic> {
    let Test { operator, text, .. } = test;
    let literal = matches!(operator, Operator::Eq | Operator::Neq);
    let wild = text.value.iter().any(|byte| b"*?".contains(byte));
    let message = format!("`{}` compares with the whole text, `*` and all", operator.name());
    (literal && wild).then(|| {
        Diagnostic::new(Code::LiteralPattern, text.span, message).help("`match` knows wildcards")
    })
}

fn helped(finding: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// The arguments that rules of this name can test, and how many of each a form has at most.
fn arguments(meaning: &Named) -> Vec<(&'static str, usize)> {
    let Named::Forms(forms) = meaning else { return vec![("filename", 1)] };
    let mut known = BTreeMap::new();
    for form in forms.iter().map(|id| id.form()) {
        for parameter in form.parameters {
            let same = form.parameters.iter().filter(|other| other.name == parameter.name);
            let most = known.entry(parameter.name).or_insert(0);
            *most = same.count().max(*most);
        }
    }
    known.into_iter().collect()
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
