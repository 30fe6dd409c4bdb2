//! Random policies on random hosts.

use converter::host::LandlockAbi;
use converter::plan::Plan;
use policy::PolicySet;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use crate::attempt::{self, Attempt};
use crate::draw::{self, Rules};
use crate::stage::{Stage, is_let_through, planned, understood};

const CASES: u32 = 300;
/// So many calls of each case are tried on the model, and so many of those that Landlock judges on the kernel too.
const ATTEMPTS: usize = 300;
const REAL: usize = 6;

/// How many calls were judged.
#[derive(Default)]
struct Count {
    cases: usize,
    judged: usize,
    real: usize,
}

/// Draws policies, hosts and calls, always the same unless the environment says otherwise.
pub fn play(stage: &Stage, newest: LandlockAbi) {
    let mut config = Config { failure_persistence: None, ..Config::with_cases(CASES) };
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    if let Some(cases) = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()) {
        config.cases = cases;
    }
    let all = attempt::all();
    let attempts = prop::collection::vec(0..all.len(), ATTEMPTS);
    let hosts = (0..=7_u32).prop_map(LandlockAbi::new);
    let count = std::cell::RefCell::new(Count::default());
    let outcome = TestRunner::new(config).run(
        &(draw::policies(), hosts, attempts),
        |(policies, abi, attempts)| {
            let abi = abi.map(|abi| abi.min(newest));
            let attempts = attempts.into_iter().map(|at| &all[at]);
            case(stage, &policies, abi, attempts, &mut count.borrow_mut());
            Ok(())
        },
    );
    match outcome {
        Ok(()) => {}
        // The attempt at fault is in the reason.
        Err(TestError::Fail(reason, (policies, abi, _))) => {
            panic!("{reason}\nLandlock: {abi:?}\n{policies:#?}")
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    let Count { cases, judged, real } = count.into_inner();
    assert!(cases > 50 && judged > 2000 && real > 100, "{cases} {judged} {real}");
    println!("fence: {cases} random rulesets, {judged} calls, {real} of them made ... ok");
}

fn case<'a>(
    stage: &Stage,
    policies: &[Rules],
    abi: Option<LandlockAbi>,
    attempts: impl Iterator<Item = &'a Attempt>,
    count: &mut Count,
) {
    let set = understood(policies);
    let plan = planned(&set, abi);
    let fenced = match stage.fenced(&plan, &set) {
        Ok(Some(fenced)) => fenced,
        Ok(None) => return unfenced(stage, &plan, &set, attempts),
        // The container gets the other filter.
        Err(supervisor::fence::Unfit::Name { .. }) => {
            return unfenced(stage, &planned(&set, None), &set, attempts);
        }
        Err(other) => panic!("{other}"),
    };
    count.cases += 1;
    let mut real = 0;
    for attempt in attempts.filter(|attempt| is_let_through(&plan, attempt)) {
        count.judged += 1;
        fenced.judge(attempt, fenced.outcome(attempt));
        if real < REAL {
            real += 1;
            stage.compare(attempt, &fenced);
        }
    }
    count.real += real;
}

/// Nothing stands behind the filter.
fn unfenced<'a>(
    stage: &Stage,
    plan: &Plan,
    set: &PolicySet,
    attempts: impl Iterator<Item = &'a Attempt>,
) {
    let set = stage.bound(set);
    for attempt in attempts.filter(|attempt| is_let_through(plan, attempt)) {
        for policy in &set.policies {
            assert!(
                attempt.is_permitted(policy),
                "let through: {attempt:?} {policies}",
                policies = {
                    let rules = policy.rules().iter().map(|rule| rule.origin.text.clone());
                    rules.collect::<Vec<_>>().join("; ")
                }
            );
        }
    }
}
