//! A rule that is reported to never decide never decides.

use std::cell::Cell;

use policy::registry::{FormId, Kind, call_named};
use policy::{Code, Environment, Event, Policy, Source, Subject, Value, check, compile, templates};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

/// What the events are about; rules name these calls, other names of theirs, and their aliases.
const CALLS: [&str; 11] = [
    "open",
    "openat",
    "creat",
    "stat",
    "newfstatat",
    "rename",
    "renameat2",
    "mkdirat",
    "connect",
    "kill",
    "chmod",
];

const NAMES: [&str; 12] = [
    "open",
    "openat",
    "stat",
    "newfstatat",
    "rename",
    "renameat",
    "mkdir",
    "connect",
    "kill",
    "chmod",
    "fsread",
    "fswrite",
];

/// Texts of rules on file names, and names in which most of them hold.
const FILES: [&str; 25] = [
    "",
    "/",
    "*",
    "/*",
    "/tmp",
    "/tmp/",
    "/tmp/a",
    "/tmp/*",
    "/tmp/*/b",
    "/tmp/a*",
    "/t?p",
    "/[t]mp",
    "/tmp/\\\\*",
    "tmp",
    "$HOME",
    "$HOME/x",
    "$HOME*",
    "$$HOME",
    "/h",
    "/h/x",
    "/h/*",
    "$USER",
    "/tmp/$USER",
    "^/tmp/.*$",
    "/tmp/a/b",
];

const FILE_VALUES: [&str; 16] = [
    "", "/", "/tmp", "/tmp/a", "/tmp/a/b", "/tmp/ab", "/tmpfoo", "/tmp/*", "/TMP", "/h", "/h/x",
    "/h/x/y", "/h/u", "/hx", "/tmp/u", "$$HOME",
];

const ADDRESSES: [&str; 10] = [
    "inet-*",
    "inet-*:53",
    "inet-[127.0.0.1]:53",
    "INET-[127.0.0.1]:53",
    "inet-\\\\[127.*\\\\]:53",
    "/run",
    "/run/x",
    "/RUN/x",
    "@bus",
    "",
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

const NUMBERS: [&str; 16] = [
    "ro",
    "RO",
    "wo",
    "rw",
    "r*",
    "roc",
    "c",
    "SIGTERM",
    "sigkill",
    "SIG*",
    "<unknown>: 5",
    "KILL",
    "644",
    "0644",
    "6*",
    "7",
];

const PROGRAMS: [&str; 4] = ["/bin/x", "/BIN/X", "/bin", "<unknown>"];

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
    let strategy = (rules(), vec(call(), 60));
    let outcome = TestRunner::deterministic().run(&strategy, |(rules, calls)| {
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
    assert!(reported.get() > 100 && decisions.get() > 2000, "{reported:?} {decisions:?}");
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

fn call() -> impl Strategy<Value = Call> {
    let forms: Vec<_> =
        CALLS.iter().flat_map(|name| call_named(name).unwrap().form_ids()).collect();
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

/// Rules on few names, so that they meet each other.
fn rules() -> impl Strategy<Value = Vec<String>> {
    vec(select(&NAMES[..]), 1..4).prop_flat_map(|names| vec(rule(names), 3..12))
}

fn rule(names: Vec<&'static str>) -> impl Strategy<Value = String> {
    let action = select(vec!["permit", "deny", "deny[enoent]", "ask", "permit log"]);
    let predicate = select(vec!["", "", "", ", if user = 0", ", if user = u", ", if user != u"]);
    (select(names), condition(), action, predicate).prop_map(
        |(name, condition, action, predicate)| {
            format!("native-{name}: {condition} then {action}{predicate}")
        },
    )
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![1 => Just("true".to_owned()), 9 => test()];
    leaf.prop_recursive(3, 6, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(left, right)| format!("({left}) and ({right})")),
            pair.prop_map(|(left, right)| format!("({left}) or ({right})")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

fn test() -> impl Strategy<Value = String> {
    let texts = |argument: &'static str, texts: &'static [&str]| (Just(argument), select(texts));
    let about = prop_oneof![
        12 => texts("filename", &FILES),
        2 => texts("sockaddr", &ADDRESSES),
        1 => texts("pidname", &PROGRAMS),
        1 => texts("oflags", &NUMBERS),
        1 => texts("signame", &NUMBERS),
        1 => texts("mode", &NUMBERS),
    ];
    let operator =
        select(vec!["match", "match", "match", "eq", "eq", "neq", "sub", "nsub", "inpath"]);
    (about, option::weighted(0.2, select(vec![0, 1])), operator).prop_map(
        |((argument, text), index, operator)| {
            let index = index.map_or_else(String::new, |index| format!("[{index}]"));
            format!("{argument}{index} {operator} \"{text}\"")
        },
    )
}
