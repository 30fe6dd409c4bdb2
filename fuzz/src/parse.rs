//! Any bytes as a policy file and as a template: nothing panics, every finding can be shown, what
//! is read survives printing, and what it means can be asked.

use std::fmt::Debug;

use policy::diagnostic::{Diagnostic, Paint, render};
use policy::environment::Nowhere;
use policy::registry::{FormId, forms};
use policy::{
    Event, Lowered, Policy, Source, Subject, Value, check as check_all, lower, parse,
    parse_template, print, templates,
};

/// More decisions of one policy find nothing new.
const MOST_FORMS: usize = 24;

pub fn check(bytes: &[u8]) {
    let source = Source::new("policy", bytes);
    match parse(&source) {
        Err(findings) => show(&source, &findings),
        Ok(read) => {
            show(&source, &read.warnings);
            let printed = print::file(&read.tree, &read.comments);
            let again = parse(&Source::new("printed", printed.clone())).expect("it was printed");
            assert_eq!(without_spans(&again.tree), without_spans(&read.tree));
            assert_eq!(print::file(&again.tree, &again.comments), printed);
            match lower(&source, &read.tree, &templates::builtin) {
                Err(findings) => show(&source, &findings),
                Ok(lowered) => judge(&source, &lowered),
            }
        }
    }
    check_template(&Source::new("template", bytes));
    show(&source, &check_all(&source, &templates::builtin));
}

fn check_template(source: &Source) {
    match parse_template(source) {
        Err(findings) => show(source, &findings),
        Ok(read) => {
            show(source, &read.warnings);
            let printed = print::template(&read.tree, &read.comments);
            let again = parse_template(&Source::new("printed", printed.clone()));
            let again = again.expect("it was printed");
            assert_eq!(without_spans(&again.tree), without_spans(&read.tree));
            assert_eq!(print::template(&again.tree, &again.comments), printed);
        }
    }
}

/// Each finding stands within the text and can be drawn.
fn show(source: &Source, findings: &[Diagnostic]) {
    for finding in findings {
        assert!(finding.span.start <= finding.span.end);
        assert!(finding.span.end <= source.text().len());
        assert!(render(source, finding, Paint::default()).ends_with('\n'));
    }
}

/// A policy without names to look up decides the same once it is bound.
fn judge(source: &Source, lowered: &Lowered) {
    show(source, &lowered.warnings);
    for policy in &lowered.set.policies {
        let bound = policy.bind(&Nowhere).ok();
        let ruled = |form: &FormId| !policy.rules_for(*form).own.is_empty();
        let aliased = forms().filter(|form| !form.form().aliases.is_empty());
        for form in forms().filter(ruled).chain(aliased).take(MOST_FORMS) {
            let verdict = decide(policy, form);
            let again = bound.as_ref().map(|bound| decide(bound, form));
            assert!(again.is_none_or(|again| again == verdict), "{form:?}");
        }
    }
}

fn decide(policy: &Policy, form: FormId) -> (policy::Verdict, bool) {
    let parameters = form.form().parameters.iter();
    let value = |number: bool| if number { Value::Number(1) } else { Value::Text(b"/a/b.c/d") };
    let values: Vec<_> = parameters.map(|parameter| value(parameter.kind.is_number())).collect();
    let decision = policy.evaluate(&Event { form, values: &values, subject: Subject::default() });
    (decision.verdict, decision.judged_memory)
}

/// The tree as text, places cut out.
fn without_spans(tree: &impl Debug) -> String {
    let text = format!("{tree:?}");
    let mut parts = text.split("Span { start: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once('}').map_or("", |(_, rest)| rest))
}
