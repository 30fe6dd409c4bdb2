//! Replays what the fuzzer found worth keeping, without the fuzzer; and text that is made to cost
//! more than it says.

#[path = "../../fuzz/src/choices.rs"]
mod choices;
#[path = "../../fuzz/src/evaluate.rs"]
mod evaluate;
mod naive;
#[path = "../../fuzz/src/parse.rs"]
mod parse;

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
