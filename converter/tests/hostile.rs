//! Replays what the fuzzer found worth keeping, without the fuzzer.

#[path = "../../fuzz/src/choices.rs"]
mod choices;
#[path = "../../fuzz/src/profile.rs"]
mod profile;

#[test]
fn programs_answer_as_their_profiles_on_the_corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/profile");
    let mut replayed = 0;
    for input in std::fs::read_dir(folder).expect("the corpus") {
        let path = input.expect("an input").path();
        println!("{}", path.display());
        profile::check(&std::fs::read(&path).expect("an input"));
        replayed += 1;
    }
    assert!(replayed > 100, "{replayed} inputs");
}
