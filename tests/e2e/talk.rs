//! Every rule of every slide: what must work and what must not.

use crate::Test;
use anyhow::{Result, ensure};
use tests::talk::{self, Attempt, Outcome, SLIDES, Slide};

pub fn tests() -> Vec<Test> {
    let attempts =
        SLIDES.iter().flat_map(|slide| slide.attempts.iter().map(move |attempt| (slide, attempt)));
    let mut tests: Vec<_> = attempts
        .map(|(slide, attempt)| {
            let name = format!("talk::{}::{}", slide.policy, attempt.what.replace(' ', "_"));
            Test::new(name, move |engine| attempt.judge(slide, &slide.play(engine, attempt)?))
        })
        .collect();
    tests.push(Test::new("talk::every_policy_is_tried", |_| every_policy_is_tried()));
    tests.push(Test::new("talk::every_rule_is_tried_both_ways", |_| {
        every_rule_is_tried_both_ways()
    }));
    tests
}

fn every_policy_is_tried() -> Result<()> {
    for policy in talk::policies()? {
        ensure!(
            SLIDES.iter().any(|slide| slide.policy == policy),
            "no slide has the policy {policy}"
        );
    }
    Ok(())
}

fn every_rule_is_tried_both_ways() -> Result<()> {
    for slide in SLIDES {
        for rule in slide.rules()? {
            let rule = rule.text;
            let about: Vec<&Attempt> =
                slide.attempts.iter().filter(|attempt| attempt.rule == rule).collect();
            let permitted =
                about.iter().any(|attempt| matches!(attempt.outcome, Outcome::Permitted(_)));
            let denied = about.iter().any(|attempt| matches!(attempt.outcome, Outcome::Denied(_)));
            ensure!(denied, "{}: nothing is denied beside {rule}", slide.policy);
            ensure!(
                permitted || matches_nothing(slide, &rule),
                "{}: nothing is permitted beside {rule}",
                slide.policy
            );
        }
    }
    Ok(())
}

/// The slide's question about all other addresses is written so that no address is equal to it.
fn matches_nothing(slide: &Slide, rule: &str) -> bool {
    slide.policy == "web-browser" && rule.ends_with("then ask")
}
