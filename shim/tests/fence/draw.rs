//! Policies about the names of the tree, drawn at random: lists that Landlock can carry, and lists that look like them.

use proptest::prelude::*;
use proptest::sample::select;

use crate::ports::TCP;

/// One list of rules, in the notation of policies.
pub type Rules = Vec<String>;

const NAMES: &[&str] = &[
    "/t",
    "/t",
    "/t/d",
    "/t/d/e",
    "/t/f",
    "/t/d/f",
    "/t/empty",
    "/t/out",
    "/home",
    "/home/u",
    "/u",
    "/home/u/f",
    "/etc",
    "/etc/motd",
    "/etc/f",
    "/etc/in",
    "/tt",
    "/t/new",
    "/nowhere",
];

/// Calls that may have rules of their own.
const CALLS: &[&str] = &[
    "open", "creat", "mkdir", "rmdir", "unlink", "rename", "link", "symlink", "mknod", "truncate",
    "bind",
];

fn name() -> impl Strategy<Value = &'static str> {
    select(NAMES)
}

/// What Landlock can say.
fn listed() -> impl Strategy<Value = String> {
    let one = || {
        (select(&["match", "match", "eq"][..]), name())
            .prop_map(|(operator, name)| format!("filename {operator} \"{name}\""))
    };
    prop_oneof![4 => one(), 1 => (one(), one()).prop_map(|(a, b)| format!("{a} or {b}"))]
}

/// What it cannot.
fn any_condition() -> impl Strategy<Value = String> {
    let operators = &["match", "eq", "neq", "sub", "inpath", "re"][..];
    let other = (select(operators), name())
        .prop_map(|(operator, name)| format!("filename {operator} \"{name}\""));
    prop_oneof![
        3 => listed(),
        3 => other,
        1 => name().prop_map(|name| format!("filename match \"{name}*\"")),
        1 => listed().prop_map(|one| format!("not ( {one} )")),
        1 => (listed(), listed()).prop_map(|(a, b)| format!("( {a} ) and ( {b} )")),
        1 => Just("true".to_owned()),
    ]
}

fn any_rule() -> impl Strategy<Value = String> {
    let actions = &[
        "permit",
        "permit",
        "permit",
        "deny",
        "deny[eacces]",
        "deny[enoent]",
        "permit log",
        "deny log",
        "ask",
    ];
    let call = prop_oneof![4 => Just("fswrite"), 1 => select(CALLS), 1 => Just("fsread")];
    let predicate = select(&["", "", "", "", ", if user = 0", ", if user != 0"][..]);
    (call, any_condition(), select(&actions[..]), predicate).prop_map(
        |(call, condition, action, who)| format!("{call}: {condition} then {action}{who}"),
    )
}

/// Permissions, then denials: the shape that Landlock takes.
fn carried() -> impl Strategy<Value = Rules> {
    let permits = listed().prop_map(|condition| format!("fswrite: {condition} then permit"));
    let denial = any_condition().prop_map(|condition| format!("fswrite: {condition} then deny"));
    (prop::collection::vec(permits, 1..4), prop::option::of(denial))
        .prop_map(|(permits, denial)| permits.into_iter().chain(denial).collect())
}

/// The rules of one policy. Most may read everything.
fn rules() -> impl Strategy<Value = Rules> {
    let own = (select(CALLS), select(&["permit", "deny", "deny[enoent]"][..]))
        .prop_map(|(call, action)| format!("{call}: {action}"));
    let mostly =
        (carried(), prop::collection::vec(own, 0..2), prop::option::weighted(0.3, any_rule()))
            .prop_map(|(rules, own, any)| rules.into_iter().chain(own).chain(any).collect());
    let shaped = prop_oneof![
        3 => carried(),
        3 => mostly,
        2 => prop::collection::vec(any_rule(), 1..5),
    ];
    let rest = (prop::bool::weighted(0.9), prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    (shaped, rest).prop_map(|(mut rules, (reads, ports, writes)): (Rules, _)| {
        // Rules on ports bring a ruleset of their own where files need none.
        if ports {
            rules.extend([
                TCP.to_owned(),
                "bind: sockaddr match \"inet-*:80\" then permit".to_owned(),
            ]);
        }
        if writes {
            rules.push("fswrite: true then permit".to_owned());
        }
        if reads {
            rules.push("fsread: true then permit".to_owned());
        }
        rules
    })
}

/// One policy, at times two of which the second may be the same.
pub fn policies() -> impl Strategy<Value = Vec<Rules>> {
    prop_oneof![
        6 => rules().prop_map(|rules| vec![rules]),
        1 => rules().prop_map(|rules| vec![rules.clone(), rules]),
        1 => (rules(), rules()).prop_map(|(one, other)| vec![one, other]),
    ]
}
