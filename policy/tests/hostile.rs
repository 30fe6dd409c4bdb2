//! Replays what the fuzzer found worth keeping, without the fuzzer; and text that is made to cost
//! more than it says.

#[path = "../../fuzz/src/choices.rs"]
mod choices;
#[path = "../../fuzz/src/evaluate.rs"]
mod evaluate;
mod naive;
#[path = "../../fuzz/src/parse.rs"]
mod parse;

use policy::diagnostic::{Code, Paint, render};
use policy::{Diagnostic, Source, compile, templates};

/// Runs the check on every input of a corpus.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let inputs = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut replayed = 0;
    for input in inputs {
        let path = input.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(&path).unwrap());
        replayed += 1;
    }
    assert!(replayed > 100, "{folder} has {replayed} inputs");
}

#[test]
fn parsing_holds_on_the_corpus() {
    replay("parse", parse::check);
}

#[test]
fn both_evaluators_agree_on_the_corpus() {
    replay("evaluate", evaluate::check);
}

const HEADER: &str = "Policy: /p, Emulation: native\n";

/// What `compile` finds in a text that it must refuse.
fn refused(text: String) -> Vec<Diagnostic> {
    compile(&Source::new("p", text), &templates::builtin).expect_err("it is too much")
}

#[test]
fn templates_cannot_be_multiplied_without_end() {
    let policy = |n| format!("Policy: /{n}, Emulation: native\nInclude: docker-default\n");
    let text: String = (0..5000).map(policy).collect();
    assert!(refused(text).iter().all(|finding| finding.code == Code::TooMuch));
}

#[test]
fn a_template_counts_once_in_a_policy() {
    let rules = |times: usize| {
        let text = HEADER.to_owned() + &"Include: linux-base\n".repeat(times);
        let lowered = compile(&Source::new("p", text), &templates::builtin).unwrap();
        lowered.set.policies[0].rules().len()
    };
    assert_eq!(rules(1), rules(50));
}

#[test]
fn regular_expressions_are_counted() {
    let rule = "native-fsread: filename re \"a\" or filename re \"b\" then permit\n";
    let text = HEADER.to_owned() + &rule.repeat(501);
    let codes: Vec<_> = refused(text).iter().map(|finding| finding.code).collect();
    assert_eq!(codes.iter().filter(|code| **code == Code::TooMuch).count(), 1);
}

#[test]
fn findings_about_one_long_rule_are_few_and_short() {
    let tests = vec!["(q eq \"a\")"; 100].join(" and ");
    let condition = vec![format!("({tests} or true)"); 120].join(" and ");
    let source = Source::new("p", format!("{HEADER}native-fsread: {condition} then permit\n"));
    let warnings = compile(&source, &templates::builtin).unwrap().warnings;
    assert!((1..=200).contains(&warnings.len()), "{}", warnings.len());
    let length = |finding| render(&source, finding, Paint::default()).len();
    assert!(warnings.iter().all(|finding| length(finding) < 4000));
}
