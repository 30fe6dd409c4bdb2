//! A rule that is reported to never decide never decides.

use std::cell::Cell;

use policy::registry::{FormId, Kind, call_named};
use policy::{Code, Environment, Event, Policy, Source, Subject, Value, check, compile, templates};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// What a policy and the events that meet it are about.
#[derive(Debug)]
struct Topic {
    /// Rules have these names,
    names: &'static [&'static str],
    /// and compare these arguments with these texts.
    tests: &'static [(&'static str, &'static str)],
    /// Events are of these calls.
    calls: &'static [&'static str],
}

const TOPICS: [&Topic; 3] = [
    &Topic {
        names: &[
            "open",
            "openat",
            "stat",
            "newfstatat",
            "rename",
            "renameat",
            "mkdir",
            "fsread",
            "fswrite",
        ],
        tests: &[
            ("filename", ""),
            ("filename", "/"),
            ("filename", "*"),
            ("filename", "/*"),
            ("filename", "/tmp"),
            ("filename", "/tmp/"),
            ("filename", "/tmp/a"),
            ("filename", "/tmp/a/b"),
            ("filename", "/tmp/*"),
            ("filename", "/tmp/*/b"),
            ("filename", "/tmp/a*"),
            ("filename", "/t?p"),
            ("filename", "/[t]mp"),
            ("filename", "/tmp/\\\\*"),
            ("filename", "tmp"),
            ("filename", "$HOME"),
            ("filename", "$HOME/x"),
            ("filename", "$HOME*"),
            ("filename", "$$HOME"),
            ("filename", "$*"),
            ("filename", "/h"),
            ("filename", "/h/x"),
            ("filename", "/h/*"),
            ("filename", "/tmp/$USER"),
            ("oflags", "ro"),
            ("oflags", "RO"),
            ("oflags", "r*"),
        ],
        calls: &["open", "openat", "creat", "stat", "newfstatat", "rename", "renameat2", "mkdirat"],
    },
    &Topic {
        names: &["connect", "bind", "socketcall"],
        tests: &[
            ("sockaddr", "inet-*"),
            ("sockaddr", "inet-*:53"),
            ("sockaddr", "inet-[127.0.0.1]:53"),
            ("sockaddr", "INET-[127.0.0.1]:53"),
            ("sockaddr", "inet-\\\\[127.*\\\\]:53"),
            ("sockaddr", "/run"),
            ("sockaddr", "/run/x"),
            ("sockaddr", "/RUN/x"),
            ("sockaddr", "@bus"),
        ],
        calls: &["connect", "bind"],
    },
    &Topic {
        names: &["kill", "tgkill", "chmod", "fchmodat"],
        tests: &[
            ("signame", "SIGTERM"),
            ("signame", "sigkill"),
            ("signame", "SIG*"),
            ("signame", "<unknown>: 5"),
            ("signame", "KILL"),
            ("mode", "644"),
            ("mode", "0644"),
            ("mode", "6*"),
            ("pidname", "/bin/x"),
            ("pidname", "/BIN/X"),
            ("pidname", "/bin"),
        ],
        calls: &["kill", "tgkill", "chmod", "fchmodat"],
    },
];

const FILE_VALUES: [&str; 16] = [
    "", "/", "/tmp", "/tmp/a", "/tmp/a/b", "/tmp/ab", "/tmpfoo", "/tmp/*", "/TMP", "/h", "/h/x",
    "/h/x/y", "/h/u", "/hx", "/tmp/u", "$$HOME",
];

const ADDRESS_VALUES: [&str; 8] = [
    "inet-[127.0.0.1]:53",
    "inet-[127.0.0.1]:80",
    "inet-[::1]:53",
    "/run",
    "/run/x",
    "/RUN/X",
    "@bus",
    "./INET-[127.0.0.1]:53",
];

const PROGRAMS: [&str; 3] = ["/bin/x", "/BIN/X", "<unknown>"];

/// A container without symbolic links.
struct Container;

impl Environment for Container {
    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        Some(if name == "USER" { b"u".to_vec() } else { b"/h".to_vec() })
    }
    fn user(&self, _: &str) -> Option<u32> {
        Some(7)
    }
    fn group(&self, _: &str) -> Option<u32> {
        Some(7)
    }
    fn user_name(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
    fn resolve(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

#[test]
fn a_rule_that_is_reported_never_decides() {
    let reported = Cell::new(0);
    let decisions = Cell::new(0);
    let config = Config { failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&case(), |(rules, calls)| {
        let text = format!("Policy: /bin/x, Emulation: native\n{}", rules.join("\n"));
        let source = Source::new("random", text.clone());
        let lowered = compile(&source, &templates::builtin).expect("right");
        let policy = lowered.set.policies[0].bind(&Container).expect("everything has a value");
        let lines = unreachable(&source);
        reported.set(reported.get() + lines.len());
        for call in calls {
            let line = deciding_line(&policy, &call);
            decisions.set(decisions.get() + usize::from(line.is_some()));
            let wrong = line.is_some_and(|line| lines.contains(&line));
            prop_assert!(!wrong, "line {line:?} decides {call:?} in\n{text}");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    // Else the test could not fail.
    assert!(reported.get() > 50 && decisions.get() > 2000, "{reported:?} {decisions:?}");
}

fn unreachable(source: &Source) -> Vec<u32> {
    let findings = check(source, &templates::builtin);
    let unreachable = findings.iter().filter(|finding| finding.code == Code::Unreachable);
    unreachable.map(|finding| source.position(finding.span.start).line).collect()
}

/// The form of a call, what its arguments are, and who calls.
type Call = (FormId, Vec<Argument>, u32);

#[derive(Debug, Clone)]
enum Argument {
    Absent,
    Number(u64),
    Text(&'static str),
}

fn deciding_line(policy: &Policy, (form, arguments, uid): &Call) -> Option<u32> {
    let values = arguments.iter().map(|argument| match argument {
        Argument::Absent => Value::Absent,
        Argument::Number(number) => Value::Number(*number),
        Argument::Text(text) => Value::Text(text.as_bytes()),
    });
    let values: Vec<_> = values.collect();
    let event = Event { form: *form, values: &values, subject: Subject { uid: *uid, gid: 0 } };
    policy.evaluate(&event).rule.map(|rule| rule.origin.line)
}

fn call(topic: &Topic) -> impl Strategy<Value = Call> + use<> {
    let calls = topic.calls.iter().map(|name| call_named(name).unwrap());
    let forms: Vec<_> = calls.flat_map(|call| call.form_ids()).collect();
    select(forms).prop_flat_map(|form| {
        let arguments: Vec<_> =
            form.form().parameters.iter().map(|parameter| argument(parameter.kind)).collect();
        (Just(form), arguments, select(vec![0, 7]))
    })
}

fn argument(kind: Kind) -> BoxedStrategy<Argument> {
    let text = |texts: &'static [&str]| select(texts).prop_map(Argument::Text).boxed();
    let present = match kind {
        Kind::Filename => text(&FILE_VALUES),
        Kind::SocketAddress => text(&ADDRESS_VALUES),
        Kind::ProcessName => text(&PROGRAMS),
        _ => select(vec![0, 1, 2, 5, 7, 9, 15, 0o100, 0o644, 0o100_644])
            .prop_map(Argument::Number)
            .boxed(),
    };
    prop_oneof![1 => Just(Argument::Absent), 9 => present].boxed()
}

/// Few names and few texts, so that rules meet each other, and events.
fn case() -> impl Strategy<Value = (Vec<String>, Vec<Call>)> {
    select(&TOPICS[..]).prop_flat_map(|topic| {
        let names = subsequence(topic.names, 1..4);
        let tests = subsequence(topic.tests, 2..6);
        let rules = (names, tests).prop_flat_map(|(names, tests)| vec(rule(names, tests), 2..10));
        (rules, vec(call(topic), 80))
    })
}

type TextOf = (&'static str, &'static str);

fn rule(names: Vec<&'static str>, tests: Vec<TextOf>) -> impl Strategy<Value = String> {
    let action = select(vec!["permit", "deny", "deny[enoent]", "permit log", "deny", "ask"]);
    let predicate = select(vec!["", "", "", "", ", if user = 0", ", if user = u"]);
    (select(names), condition(tests), action, predicate).prop_map(
        |(name, condition, action, predicate)| {
            format!("native-{name}: {condition} then {action}{predicate}")
        },
    )
}

fn condition(tests: Vec<TextOf>) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![1 => Just("true".to_owned()), 19 => test(tests)];
    let nested = leaf.clone().prop_recursive(2, 5, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(left, right)| format!("({left}) and ({right})")),
            pair.prop_map(|(left, right)| format!("({left}) or ({right})")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    });
    prop_oneof![2 => leaf, 1 => nested]
}

fn test(tests: Vec<TextOf>) -> impl Strategy<Value = String> {
    let operator = select(vec!["match", "match", "eq", "eq", "neq", "sub", "nsub", "inpath"]);
    (select(tests), option::weighted(0.1, select(vec![0, 1])), operator).prop_map(
        |((argument, text), index, operator)| {
            let index = index.map_or_else(String::new, |index| format!("[{index}]"));
            format!("{argument}{index} {operator} \"{text}\"")
        },
    )
}
