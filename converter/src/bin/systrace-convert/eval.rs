//! `eval`: what a policy says about one call, and why.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::Args;
use policy::ast::PermitFlag;
use policy::{
    Condition, Decision, Event, Policy, PolicySet, Rule, RuleId, Subject, Value, Verdict,
};

use crate::cli::{Outcome, PolicyFile};
use crate::expression::{Argument, Attempt, parse};

#[derive(Debug, Args)]
pub struct Eval {
    /// The program whose policy is asked; by default the first one of the file.
    #[arg(long)]
    program: Option<String>,
    /// Who calls.
    #[arg(long, default_value_t = 0)]
    uid: u32,
    /// The group of who calls.
    #[arg(long, default_value_t = 0)]
    gid: u32,
    #[command(flatten)]
    policy: PolicyFile,
    /// The call with the arguments that rules can test: `openat("/etc/shadow", O_RDONLY)`.
    #[arg(value_name = "CALL")]
    call: String,
}

impl Eval {
    pub fn run(&self, policy_dir: &Path, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        let attempt = parse(&self.call)?;
        let Some(loaded) = self.policy.load(policy_dir)? else { return Ok(Outcome::Findings) };
        let policy = self.choose(&loaded.set)?;
        let values: Vec<_> = attempt.values.iter().map(borrowed).collect();
        let subject = Subject { uid: self.uid, gid: self.gid };
        let event = Event { form: attempt.form, values: &values, subject };
        let decision = policy.evaluate(&event);
        writeln!(out, "{}", told(&decision))?;
        for line in passed_over(policy, &attempt, &event, decision.rule) {
            writeln!(out, "  {line}")?;
        }
        Ok(Outcome::Fine)
    }

    fn choose<'p>(&self, set: &'p PolicySet) -> anyhow::Result<&'p Policy> {
        match &self.program {
            Some(program) => set
                .policy_for(program)
                .with_context(|| format!("the file has no policy for {program}")),
            None => set.policies.first().context("the file has no policy"),
        }
    }
}

fn borrowed(argument: &Argument) -> Value<'_> {
    match argument {
        Argument::Absent => Value::Absent,
        Argument::Number(number) => Value::Number(*number),
        Argument::Text(text) => Value::Text(text),
    }
}

fn told(decision: &Decision<'_>) -> String {
    let verdict = match decision.verdict {
        Verdict::Permit(PermitFlag::None) => "permit".to_owned(),
        Verdict::Permit(PermitFlag::Inherit) => "permit[inherit]".to_owned(),
        Verdict::Permit(PermitFlag::Detach) => "permit[detach]".to_owned(),
        Verdict::Deny(errno) => match errno.name() {
            Some(name) => format!("deny[{}]", name.to_ascii_lowercase()),
            None => format!("deny[{}]", errno.number()),
        },
        Verdict::Ask => "ask".to_owned(),
        Verdict::Uncovered => return "no rule covers it: deny[eperm]".to_owned(),
    };
    match decision.rule {
        Some(rule) => format!("{verdict}: {}: {}", rule.origin, rule.origin.text),
        None => verdict,
    }
}

/// The rules that were tried before the one that decided, and why they did not hold.
fn passed_over(
    policy: &Policy,
    attempt: &Attempt,
    event: &Event<'_>,
    decided: Option<&Rule>,
) -> Vec<String> {
    let rules = policy.rules_for(attempt.form);
    let tried = |ids: &[RuleId]| ids.iter().map(|id| policy.rule(*id)).collect::<Vec<_>>();
    let all = [tried(rules.own), tried(rules.read), tried(rules.write)].concat();
    let before =
        all.into_iter().take_while(|rule| !decided.is_some_and(|one| std::ptr::eq(one, *rule)));
    before
        .map(|rule| format!("tried {}: {}: {}", rule.origin, rule.origin.text, why(rule, event)))
        .collect()
}

fn why(rule: &Rule, event: &Event<'_>) -> String {
    if rule.predicate.as_ref().is_some_and(|p| p.holds(event.subject) != Some(true)) {
        return "the caller is not the one it is for".to_owned();
    }
    let mut failed = Vec::new();
    comparisons(&rule.condition, event, &mut failed);
    match failed.is_empty() {
        true => "it goes on to the rules below".to_owned(),
        false => failed.join(", "),
    }
}

/// Each comparison with its outcome.
fn comparisons(condition: &Condition, event: &Event<'_>, told: &mut Vec<String>) {
    match condition {
        Condition::True => {}
        Condition::Not(inner) => comparisons(inner, event, told),
        Condition::And(one, other) | Condition::Or(one, other) => {
            comparisons(one, event, told);
            comparisons(other, event, told);
        }
        Condition::Test(test) => {
            let form = event.form.form();
            let index = usize::from(test.index().unwrap_or_default());
            let at = form.parameter(test.argument(), index);
            told.push(match at.map(|at| (form.parameters[at].kind, event.values[at])) {
                None | Some((_, Value::Absent)) => format!("there is no {}", test.argument()),
                Some((kind, Value::Number(number))) => {
                    let printed = kind.print(number);
                    outcome(
                        test.argument(),
                        printed.as_bytes(),
                        test.holds(kind, printed.as_bytes()),
                    )
                }
                Some((kind, Value::Text(text))) => {
                    outcome(test.argument(), text, test.holds(kind, text))
                }
            });
        }
    }
}

fn outcome(argument: &str, value: &[u8], holds: bool) -> String {
    let verb = if holds { "fits" } else { "does not fit" };
    format!("{argument} \"{}\" {verb}", value.escape_ascii())
}
