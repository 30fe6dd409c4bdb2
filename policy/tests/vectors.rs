//! The evaluator against what systrace 1.6 answered (`fixtures/eval.tsv`), and the list of where it
//! must not.

use policy::registry::{FormId, call_named};
use policy::{Event, Policy, Source, Subject, Value, Verdict, compile, templates};

const CALLS: &str = include_str!("../CALLS.md");

/// Rules whose answer differs on purpose, with ours: the first table after the heading.
fn differences() -> Vec<(&'static str, &'static str)> {
    let (_, section) = CALLS.split_once("## Differences in the meaning").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = rows.take_while(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| (cells[1].trim_matches('`'), cells[2])).collect()
}

#[test]
fn answers_are_those_of_the_original_but_for_the_listed_ones() {
    let vectors = include_str!("fixtures/eval.tsv");
    let mut differing = Vec::new();
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [rule, arguments, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}");
        };
        let answer = answer(rule, arguments);
        if answer != expected {
            differing.push((rule, answer));
        }
    }
    let differing: Vec<_> =
        differing.iter().map(|(rule, answer)| (*rule, answer.as_str())).collect();
    assert_eq!(differing, differences());
}

fn answer(rule: &str, arguments: &str) -> String {
    let (name, form, values) = call(arguments);
    let policy = policy(&format!("native-{name}: {rule}\n"));
    let event = Event { form, values: &values, subject: Subject::default() };
    match policy.evaluate(&event).verdict {
        Verdict::Permit(_) => "permit".to_owned(),
        Verdict::Deny(errno) => format!("deny {}", errno.number()),
        Verdict::Ask | Verdict::Uncovered => "no-match".to_owned(),
    }
}

/// A call that has the arguments of a vector and no alias, or of which no alias has rules.
fn call(arguments: &str) -> (&'static str, FormId, Vec<Value<'_>>) {
    let values: Vec<_> = arguments.split(" | ").filter_map(|pair| pair.split_once('=')).collect();
    let text = |at: usize| Value::Text(values[at].1.as_bytes());
    let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
    let (name, values) = match names[..] {
        ["filename"] => ("chdir", vec![text(0)]),
        ["filename", "filename"] => ("rename", vec![text(0), text(1)]),
        ["sockaddr"] => ("connect", vec![text(0)]),
        ["oflags"] => ("open", vec![Value::Absent, Value::Number(0)]),
        _ => panic!("no call has {arguments}"),
    };
    (name, call_named(name).unwrap().form_ids().last().unwrap(), values)
}

fn policy(rules: &str) -> Policy {
    let source = Source::new("vector", format!("Policy: /p, Emulation: native\n{rules}"));
    compile(&source, &templates::builtin).unwrap().set.policies.remove(0)
}
