//! The shipped policies that Landlock carries: what each rule names may be written, and nothing else.

use converter::host::LandlockAbi;
use policy::{PolicySet, Source, compile, templates};

use crate::attempt;
use crate::model::Outcome;
use crate::stage::{Stage, is_let_through, planned};
use crate::tree;

/// One call of so many is made.
const REAL: usize = 12;

/// Plays every policy that has a ruleset.
pub fn play(stage: &Stage, newest: LandlockAbi) {
    let talk = include_str!("../../../examples/talk/typical-shell.policy").to_owned();
    let cluster = include_str!("../../../examples/kubernetes/policies.yaml");
    for text in [talk, block(cluster, "site.policy"), block(cluster, "probe.policy")] {
        let calls = one(stage, newest, &understood(text));
        println!("fence: a shipped policy, {calls} calls ... ok");
    }
}

fn one(stage: &Stage, newest: LandlockAbi, set: &PolicySet) -> usize {
    let plan = planned(set, Some(newest));
    let fenced = stage.fenced(&plan, set).expect("every name is fit").expect("a ruleset");
    let (mut passed, mut denied, mut calls) = (Vec::new(), 0, 0);
    for attempt in attempt::all().iter().filter(|attempt| is_let_through(&plan, attempt)) {
        let outcome = fenced.outcome(attempt);
        fenced.judge(attempt, outcome);
        if calls % REAL == 0 {
            stage.compare(attempt, &fenced);
        }
        calls += 1;
        match outcome {
            Outcome::Done => {
                passed.extend(attempt.names.iter().map(|name| tree::resolved(name, true)))
            }
            Outcome::Denied => denied += 1,
            Outcome::Fails => {}
        }
    }
    for place in fenced.places().filter(|place| !place.is_empty()) {
        let victim = passed.iter().any(|name| name.starts_with(place));
        assert!(victim, "nothing passes at {place}: {fenced:?}");
    }
    assert!(denied > 0, "nothing is denied: {fenced:?}");
    calls
}

fn understood(text: String) -> PolicySet {
    compile(&Source::new("shipped", text), &templates::builtin).expect("right").set
}

/// A literal block of a ConfigMap.
fn block(yaml: &str, name: &str) -> String {
    let (_, after) = yaml.split_once(&format!("  {name}: |\n")).expect("the policy");
    let lines = after.lines().map_while(|line| line.strip_prefix("    "));
    lines.map(|line| format!("{line}\n")).collect()
}
