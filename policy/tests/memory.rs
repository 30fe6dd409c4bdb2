//! A decision tells whether it rests on what the caller can still change.

use policy::ast::PermitFlag;
use policy::registry::{FormId, Kind, call_named};
use policy::{Event, Policy, Source, Subject, Value, Verdict, compile};

fn policy(rules: &str) -> Policy {
    let text = format!("Policy: /p, Emulation: native\n{rules}\n");
    compile(&Source::new("p", text), &|_| None).unwrap().set.policies.remove(0)
}

fn form(call: &str, at: usize) -> FormId {
    call_named(call).unwrap().form_ids().nth(at).unwrap()
}

/// Whether a permit on this form rests on memory.
fn judged(rules: &str, form: FormId) -> bool {
    let parameters = form.form().parameters.iter();
    let value = |kind: Kind| match kind.is_number() {
        true => Value::Number(0),
        false => Value::Text(b"/tmp/x"),
    };
    let values: Vec<_> = parameters.map(|parameter| value(parameter.kind)).collect();
    let policy = policy(rules);
    let decision = policy.evaluate(&Event { form, values: &values, subject: Subject::default() });
    assert_eq!(decision.verdict, Verdict::Permit(PermitFlag::None), "{rules}");
    decision.judged_memory
}

#[test]
fn registers_are_safe_and_memory_is_not() {
    let open = form("openat", 1);
    assert!(!judged("native-open: permit", open));
    assert!(!judged("native-fsread: true then permit", open));
    assert!(!judged("native-open: oflags eq \"ro\" then permit", open));
    assert!(judged("native-fsread: filename match \"/tmp\" then permit", open));
    assert!(judged(
        "native-open: filename eq \"/y\" then deny\nnative-open: true then permit",
        open
    ));
    assert!(!judged(
        "native-open: oflags eq \"rw\" and filename eq \"/y\" then deny\n\
         native-open: true then permit",
        open
    ));
    assert!(!judged("native-mprotect: not prot sub \"EXEC\" then permit", form("mprotect", 0)));
}

#[test]
fn a_long_run_of_names_looks_at_memory() {
    let names = (0..20).map(|n| format!("native-fsread: filename match \"/{n}\" then deny\n"));
    let rules = names.collect::<String>() + "native-fsread: true then permit";
    assert!(judged(&rules, form("openat", 1)));
}

#[test]
fn forms_that_memory_tells_apart_are_judged_by_memory() {
    assert!(judged("native-fstat: permit", form("newfstatat", 0)));
    assert!(judged("native-stat: permit", form("newfstatat", 2)), "the first form was tried");
    assert!(!judged("native-stat: permit", form("stat", 0)));
    assert!(judged("native-open: permit", form("openat2", 1)));
}
