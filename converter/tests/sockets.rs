//! Socket programs against the oracle: what the interpreter makes of a program is what `Policy::evaluate` says of the
//! address, printed as rules see it.

use std::net::{Ipv4Addr, Ipv6Addr};

use converter::ebpf::{Surroundings, interpret};
use converter::sockets::{Hook, admitting, programs, rules};
use policy::program::Policy;
use policy::registry::{self, FormId};
use policy::sockaddr::{print_sockaddr, reached};
use policy::{Event, Source, Subject, Value, Verdict, compile};
use proptest::prelude::*;

const TEXTS: &[&str] = &[
    "match \"inet-*:443\"",
    "match \"inet-*:80\"",
    "match \"inet-*6443\"",
    "match \"inet-*\"",
    "match \"inet-*:*\"",
    "match \"inet-*:*6443\"",
    "match \"inet-\\\\[*\\\\]:8*\"",
    "match \"inet-\\\\[10.*\\\\]:443\"",
    "match \"inet-\\\\[10.1*\\\\]:*\"",
    "match \"inet-\\\\[1*:443\"",
    "match \"inet-\\\\[127.0.0.1\\\\]:*\"",
    "match \"inet-\\\\[127.0.0.1\\\\]:*6443\"",
    "match \"inet-\\\\[127.0.0.1\\\\]:443\"",
    "match \"inet-\\\\[127.0.0.1*\"",
    "match \"inet-\\\\[2001:db8:*\"",
    "match \"inet-\\\\[2001:d*\\\\]:443\"",
    "match \"inet-\\\\[fe8*\\\\]:443\"",
    "match \"inet-\\\\[::1\\\\]:443\"",
    "match \"inet-\\\\[10.0.0.1\\\\]:*:443\"",
    "match \"inet-\\\\[::ffff:10.0.0.1\\\\]:443\"",
    "eq \"inet-[127.0.0.1]:53\"",
    "eq \"INET-[2001:DB8::1]:443\"",
    "eq \"inet-[::1]:80\"",
    "eq \"inet-[::1%2]:80\"",
    "eq \"inet-[::ffff:10.0.0.1]:80\"",
    "eq \"inet-*\"",
    "neq \"inet-[127.0.0.1]:53\"",
];

/// These must be left to the supervisor.
const OPAQUE: &[&str] = &[
    "match \"/run/*\"",
    "eq \"inet-[fe80::1%2]:80\"",
    "re \"inet-\"",
    "sub \":443\"",
    "match \"inet-[10.*]:443\"",
];

fn condition() -> impl Strategy<Value = String> {
    let test = || prop::sample::select(TEXTS).prop_map(|text| format!("sockaddr {text}"));
    prop_oneof![
        6 => test(),
        1 => Just("true".to_owned()),
        1 => (test(), test()).prop_map(|(a, b)| format!("{a} and {b}")),
        1 => (test(), test()).prop_map(|(a, b)| format!("{a} or ( not {b} )")),
        1 => test().prop_map(|a| format!("not {a}")),
        1 => Just("sockaddr[1] eq \"x\"".to_owned()),
    ]
}

fn policy(call: &str, rules: &[(String, &str)]) -> Policy {
    let mut text = "Policy: /bin/x, Emulation: native\n".to_owned();
    for (condition, action) in rules {
        text.push_str(&format!("\tnative-{call}: {condition} then {action}\n"));
    }
    let mut set = compile(&Source::new("generated", text.clone()), &|_| None)
        .unwrap_or_else(|findings| panic!("{findings:?} in\n{text}"))
        .set;
    set.policies.remove(0)
}

fn form(call: &str) -> FormId {
    let call = registry::call_named(call).expect("a call");
    call.form_ids().next().expect("a form")
}

const PORTS: &[u16] =
    &[0, 1, 3, 8, 43, 53, 79, 80, 81, 442, 443, 444, 6443, 16443, 8000, 44300, 65535];

fn addresses() -> Vec<(Hook, Vec<u8>)> {
    let v4 = [
        "0.0.0.0",
        "1.2.3.4",
        "9.255.255.255",
        "10.0.0.1",
        "10.1.0.0",
        "10.19.3.3",
        "10.20.0.1",
        "10.100.1.1",
        "11.0.0.0",
        "100.1.1.1",
        "127.0.0.1",
        "127.0.0.2",
        "127.0.0.19",
        "127.0.0.100",
        "255.255.255.255",
    ];
    let v6 = [
        "::",
        "::1",
        "1::",
        "10::1",
        "2001:db8::1",
        "2001:db8:1:2:3:4:5:6",
        "2001:db9::",
        "2001:d::1",
        "2001:cfff::1",
        "fe80::1",
        "fe8f::1",
        "fe90::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::fffe:127.0.0.1",
        "1:0:0:2::",
        "ff02::1",
    ];
    let mut all = Vec::new();
    for port in PORTS {
        for text in v4 {
            let address: Ipv4Addr = text.parse().expect("an address");
            all.push((Hook::Connect4, inet(*port, address)));
        }
        for text in v6 {
            let address: Ipv6Addr = text.parse().expect("an address");
            for scope in [0, 2_u32] {
                let family = (libc::AF_INET6 as u16).to_ne_bytes();
                let rest =
                    [&port.to_be_bytes()[..], &[0; 4], &address.octets(), &scope.to_ne_bytes()];
                all.push((Hook::Connect6, [&family, &rest.concat()[..]].concat()));
            }
        }
    }
    let names: [&[u8]; 4] = [b"/run/x\0", b"\0abstract", b"inet-[127.0.0.1]:53\0", b""];
    let unix = |name: &&[u8]| [&(libc::AF_UNIX as u16).to_ne_bytes(), *name].concat();
    all.extend(names.iter().map(|name| (Hook::ConnectUnix, unix(name))));
    all
}

fn inet(port: u16, address: Ipv4Addr) -> Vec<u8> {
    let family = (libc::AF_INET as u16).to_ne_bytes();
    [&family[..], &port.to_be_bytes(), &address.octets(), &[0; 8]].concat()
}

/// `struct bpf_sock_addr` for an address.
fn context(address: &[u8]) -> Vec<u8> {
    let mut context = vec![0; 64];
    context[0..2].copy_from_slice(&address[..2]);
    match address[0].into() {
        libc::AF_INET => {
            context[24..26].copy_from_slice(&address[2..4]);
            context[4..8].copy_from_slice(&address[4..8]);
        }
        libc::AF_INET6 => {
            context[24..26].copy_from_slice(&address[2..4]);
            context[8..24].copy_from_slice(&address[8..24]);
        }
        _ => {}
    }
    context
}

/// The error of a denied call.
fn evaluated(policy: &Policy, call: &str, address: &[u8]) -> Option<u16> {
    let text = print_sockaddr(&reached(call, address));
    let event =
        Event { form: form(call), values: &[Value::Text(&text)], subject: Subject::default() };
    match policy.evaluate(&event).verdict {
        Verdict::Permit(_) => None,
        Verdict::Deny(errno) => Some(errno.number()),
        Verdict::Uncovered => Some(libc::EPERM as u16),
        Verdict::Ask => panic!("nothing asks"),
    }
}

fn on_bind(hook: Hook) -> Option<Hook> {
    match hook {
        Hook::Connect4 => Some(Hook::Bind4),
        Hook::Connect6 => Some(Hook::Bind6),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn programs_decide_as_the_policy(
        drawn in prop::collection::vec(
            (condition(), prop::sample::select(vec!["permit", "deny", "deny[econnrefused]"])), 0..6),
        call in prop::sample::select(vec!["connect", "bind"]),
    ) {
        let policy = policy(call, &drawn);
        let judged = rules(&policy, form(call)).expect("every rule can be told");
        let programs = programs(call, &judged).expect("short programs");
        for (hook, address) in addresses() {
            let hook = if call == "bind" { on_bind(hook) } else { Some(hook) };
            let Some(program) = programs.iter().find(|program| Some(program.hook) == hook) else { continue };
            // Without a scope an address to a link fails for other reasons; none of the texts tells it apart.
            let mut around = Surroundings { context: context(&address), ..Surroundings::default() };
            let outcome = interpret(&program.program, &mut around).expect("a sound program");
            let expected = evaluated(&policy, call, &address);
            let errno = (outcome.returned == 0).then(|| outcome.retval.expect("an error"));
            prop_assert_eq!(errno, expected.map(|errno| -i32::from(errno)), "{:?}", print_sockaddr(&address));
            prop_assert_eq!(outcome.written.len(), usize::from(expected.is_some()));
        }
    }
}

#[test]
fn texts_that_programs_cannot_see_are_left() {
    for text in OPAQUE {
        let policy = policy("connect", &[(format!("sockaddr {text}"), "permit")]);
        assert!(rules(&policy, form("connect")).is_err(), "{text}");
    }
    for action in ["permit log", "ask", "permit as root"] {
        let policy = policy("connect", &[("sockaddr eq \"inet-[127.0.0.1]:1\"".into(), action)]);
        assert!(rules(&policy, form("connect")).is_err(), "{action}");
    }
    // It asks about nothing.
    let slide = policy("connect", &[("sockaddr eq \"inet-*\"".into(), "ask")]);
    assert!(rules(&slide, form("connect")).is_ok_and(|rules| rules.is_empty()));
}

#[test]
fn another_family_than_the_sockets_own_is_refused_as_by_the_kernel() {
    let policy = policy("connect", &[("true".into(), "permit")]);
    let judged = rules(&policy, form("connect")).expect("a rule");
    let programs = programs("connect", &judged).expect("a program");
    let mut around = Surroundings { context: vec![0; 64], ..Surroundings::default() };
    around.context[0] = libc::AF_INET6 as u8;
    let outcome = interpret(&programs[0].program, &mut around).expect("a sound program");
    assert_eq!((outcome.returned, outcome.retval), (0, Some(-libc::EAFNOSUPPORT)));
}

#[test]
fn a_thousand_rules_fit() {
    let many: Vec<_> = (0..1000)
        .map(|at| (format!("sockaddr eq \"inet-[10.0.{}.{}]:{at}\"", at / 256, at % 256), "permit"))
        .collect();
    let policy = policy("connect", &many);
    let judged = rules(&policy, form("connect")).expect("every rule can be told");
    let programs = programs("connect", &judged).expect("short programs");
    assert!(programs.iter().all(|program| program.program.instructions().len() < 15_000));
}

/// The value of an entry for an address.
fn entry(address: &[u8]) -> [u8; 24] {
    let context = context(address);
    let mut entry = [0; 24];
    entry[..4].copy_from_slice(&context[..4]);
    entry[4..8].copy_from_slice(&context[24..28]);
    match address[0].into() {
        libc::AF_INET => entry[8..12].copy_from_slice(&context[4..8]),
        libc::AF_INET6 => entry[8..].copy_from_slice(&context[8..24]),
        _ => {}
    }
    entry
}

#[test]
fn what_was_entered_passes_once_and_nothing_else() {
    const THREAD: u64 = 7 << 32 | 9;
    let programs = admitting("connect").expect("short programs");
    let mut all = addresses();
    // Scopes are not part of an entry, nor are names.
    all.retain(|(hook, address)| *hook != Hook::Connect6 || address[24..28] == [0; 4]);
    for (hook, address) in &all {
        let program = programs.iter().find(|program| program.hook == *hook).expect("a program");
        let run = |thread, entry| {
            let mut around = Surroundings {
                context: context(address),
                pid_tgid: THREAD,
                ..Surroundings::default()
            };
            around.entries.insert(thread, entry);
            let outcome = interpret(&program.program, &mut around).expect("a sound program");
            (outcome.returned, outcome.retval, around.entries.len())
        };
        let refused = (0, Some(-libc::EPERM), 1);
        assert_eq!(run(THREAD, entry(address)), (1, None, 0));
        assert_eq!(run(THREAD + 1, entry(address)), refused);
        for at in [0, 4, 5, 8, 11, 15, 23] {
            let seen = match hook {
                Hook::ConnectUnix => 4,
                Hook::Connect4 => 12,
                _ => 24,
            };
            let mut other = entry(address);
            other[at] ^= 1;
            assert_eq!(run(THREAD, other), if at < seen { refused } else { (1, None, 0) });
        }
    }
}

/// Any pattern made of the parts that addresses have.
fn pattern() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "*",
        "*",
        "\\\\[",
        "\\\\]",
        ":",
        ".",
        "10",
        "1",
        "127.0.0.1",
        "443",
        "4",
        "80",
        "0",
        "2001",
        "db8",
        "d",
        "::",
        "fe8",
        "ffff",
        "%",
        "?",
        "[1]",
        "]:",
        "53",
        "/",
    ];
    let parts = prop::collection::vec(prop::sample::select(PARTS), 0..6);
    let start = prop::sample::select(vec!["inet-", "inet-", "inet-\\\\[", "inet-*", "inet", ""]);
    (start, parts).prop_map(|(start, parts)| start.to_owned() + &parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn whatever_can_be_told_is_told_right(
        text in pattern(),
        operator in prop::sample::select(vec!["match", "match", "match", "eq", "neq"]),
    ) {
        let policy = policy("connect", &[(format!("sockaddr {operator} \"{text}\""), "permit")]);
        let Ok(judged) = rules(&policy, form("connect")) else { return Ok(()) };
        let programs = programs("connect", &judged).expect("short programs");
        for (hook, address) in addresses() {
            let program = programs.iter().find(|program| program.hook == hook).expect("a program");
            let mut around = Surroundings { context: context(&address), ..Surroundings::default() };
            let outcome = interpret(&program.program, &mut around).expect("a sound program");
            let permitted = evaluated(&policy, "connect", &address).is_none();
            prop_assert_eq!(outcome.returned == 1, permitted, "{:?}", String::from_utf8_lossy(&print_sockaddr(&address)));
        }
    }
}
