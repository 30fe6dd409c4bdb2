//! A decision takes no longer for being one of ten thousand.

use std::time::{Duration, Instant};

use policy::registry::call_named;
use policy::{Event, Policy, Source, Subject, Value, compile};

fn policy(rules: usize) -> Policy {
    let rule = |n| format!("native-fsread: filename match \"/srv/data/{n}\" then permit\n");
    let rules: String = (0..rules).map(rule).collect();
    let text = format!("Policy: /p, Emulation: native\n{rules}");
    compile(&Source::new("p", text), &|_| None).unwrap().set.policies.remove(0)
}

/// The fastest of many rounds: noise only ever adds.
fn decision(policy: &Policy) -> Duration {
    let form = call_named("openat").unwrap().form_ids().nth(1).unwrap();
    let values = [Value::Text(b"/srv/data/9/some/file"), Value::Number(0)];
    let event = Event { form, values: &values, subject: Subject::default() };
    let round = || {
        let start = Instant::now();
        for _ in 0..100 {
            assert!(std::hint::black_box(policy).evaluate(&event).rule.is_some());
        }
        start.elapsed()
    };
    (0..50).map(|_| round()).min().unwrap_or_default()
}

#[test]
fn ten_thousand_names_cost_no_more_than_ten() {
    let (few, many) = (decision(&policy(10)), decision(&policy(10_000)));
    assert!(many < few * 3, "{few:?} {many:?}");
}
