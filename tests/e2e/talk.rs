//! Every rule of every slide: what must work and what must not.

use crate::Test;
use anyhow::{Context, Result, ensure};
use tests::audit::Record;
use tests::talk::{self, Attempt, Outcome, SLIDES, Slide};
use tests::{Engine, place};

pub fn tests() -> Vec<Test> {
    let attempts =
        SLIDES.iter().flat_map(|slide| slide.attempts.iter().map(move |attempt| (slide, attempt)));
    let mut tests: Vec<_> = attempts
        .map(|(slide, attempt)| {
            let name = format!("talk::{}::{}", slide.policy, attempt.what.replace(' ', "_"));
            Test::new(name, move |engine| attempt.judge(slide, &slide.play(engine, attempt)?))
        })
        .collect();
    tests.push(Test::new("talk::a_question_is_a_denial_for_now", a_question_is_a_denial_for_now));
    tests.push(Test::new("talk::every_policy_is_tried", |_| every_policy_is_tried()));
    tests.push(Test::new("talk::every_rule_is_tried_both_ways", |_| {
        every_rule_is_tried_both_ways()
    }));
    tests
}

/// `ask` in a policy that means it: the slide's own rule matches no address.
fn a_question_is_a_denial_for_now(engine: &Engine) -> Result<()> {
    let container =
        engine.container("debian").policy("asking").sees(&place::fixtures(), "/fixtures");
    let output = container.command(["python3", "/fixtures/ask.py", "127.0.0.1"]).run()?;
    ensure!(
        output.finished.stderr.contains("Operation not permitted"),
        "{}",
        output.finished.summary()
    );
    let asked =
        |record: &&Record| record.arguments.values().any(|value| value == "inet-[127.0.0.1]:53");
    let record = output.audit.iter().find(asked).context("no record of the call")?;
    ensure!(record.errno.as_deref() == Some("EPERM"), "{record:#?}");
    ensure!(
        record.rule.as_ref().is_some_and(|rule| rule.ends_with("asking.policy:5")),
        "{record:#?}"
    );
    ensure!(
        record.reason.as_ref().is_some_and(|reason| reason.contains("nobody can be asked")),
        "{record:#?}"
    );
    Ok(())
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
