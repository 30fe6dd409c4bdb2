//! Landlock's rules on ports against the oracle: where a plan leaves bind(2) or connect(2) to Landlock, only sockets of TCP can
//! be made, and each port is permitted to all addresses or to none.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use converter::bpf::SeccompData;
use converter::host::{Host, LandlockAbi};
use converter::plan::{Mechanism, Plan, Target, plan};
use converter::seccomp::Action;
use policy::registry;
use policy::{Event, PolicySet, Source, Subject, Value, Verdict, compile};
use proptest::prelude::*;
use proptest::sample::select;

const TCP: &str = "native-socket: ( sockdom eq \"AF_INET\" or sockdom eq \"AF_INET6\" ) and ( socktype eq \"SOCK_STREAM\" and ( sockprot eq \"0\" or sockprot eq \"6\" ) ) then permit";

/// Rules on socket(2) and what leads round it.
const MAKERS: &[&str] = &[
    TCP,
    TCP,
    TCP,
    "native-socket: sockdom eq \"AF_INET\" and socktype eq \"SOCK_STREAM\" then permit",
    "native-socket: sockdom eq \"AF_UNIX\" then permit",
    "native-socket: socktype neq \"SOCK_DGRAM\" then permit",
    "native-socket: sockprot eq \"262\" then permit",
    "native-socket: permit",
    "native-socketpair: permit",
    "native-fastopen: permit",
    "native-mount: permit",
    "native-setsockopt: permit",
    "native-setsockopt: level eq \"SOL_SOCKET\" then permit",
    "native-chroot: permit",
    "native-rename: permit",
    "native-fswrite: true then permit",
    "native-io_uring_setup: permit",
];

const TESTS: &[&str] = &[
    "sockaddr match \"inet-*:443\"",
    "sockaddr match \"inet-*:80\"",
    "sockaddr match \"inet-*:80\"",
    "sockaddr match \"inet-*:8*\"",
    "sockaddr match \"inet-*:0\"",
    "sockaddr match \"inet-*\"",
    "sockaddr match \"inet-\\\\[10.*\\\\]:80\"",
    "sockaddr eq \"inet-[127.0.0.1]:53\"",
    "sockaddr match \"/run/*\"",
    "sockaddr sub \":80\"",
    "true",
];

const ACTIONS: &[&str] = &[
    "permit",
    "permit",
    "permit",
    "deny",
    "deny[eacces]",
    "deny[econnrefused]",
    "permit log",
    "ask",
];

fn rule() -> impl Strategy<Value = String> {
    let test = prop_oneof![
        6 => select(TESTS).prop_map(str::to_owned),
        1 => select(TESTS).prop_map(|test| format!("not ( {test} )")),
        1 => (select(TESTS), select(TESTS)).prop_map(|(a, b)| format!("( {a} ) and ( not ( {b} ) )")),
        1 => (select(TESTS), select(TESTS)).prop_map(|(a, b)| format!("( {a} ) or ( {b} )")),
    ];
    (select(&["bind", "connect"][..]), test, select(ACTIONS))
        .prop_map(|(call, test, action)| format!("native-{call}: {test} then {action}"))
}

fn policies() -> impl Strategy<Value = Vec<Vec<String>>> {
    let makers = prop::collection::vec(select(MAKERS).prop_map(str::to_owned), 1..3);
    let rules = (makers, prop::collection::vec(rule(), 1..5))
        .prop_map(|(makers, rules)| [makers, rules].concat())
        .boxed();
    prop_oneof![
        5 => rules.clone().prop_map(|rules| vec![rules]),
        1 => (rules.clone(), rules).prop_map(|(one, other)| vec![one, other]),
    ]
}

fn understood(policies: &[Vec<String>]) -> PolicySet {
    let mut text = String::new();
    for (at, rules) in policies.iter().enumerate() {
        text.push_str(&format!(
            "Policy: /bin/p{at}, Emulation: native\n\t{}\n",
            rules.join("\n\t")
        ));
    }
    let lowered = compile(&Source::new("generated", text.clone()), &|_| None);
    lowered.unwrap_or_else(|findings| panic!("{findings:?} in\n{text}")).set
}

fn planned(set: &PolicySet, landlock: Option<LandlockAbi>) -> Option<Plan> {
    let newest = Host::of_this_release("6.18".parse().expect("a release"));
    plan(set, &Host { landlock, sockets: false, ..newest }, Target::Supervised).ok()
}

fn verdicts(set: &PolicySet, call: &str, values: &[Value<'_>]) -> Vec<Verdict> {
    // Of the forms of setsockopt the last is that of any level.
    let form = registry::call_named(call).expect("a call").form_ids().last().expect("a form");
    let event = Event { form, values, subject: Subject::default() };
    set.policies.iter().map(|policy| policy.evaluate(&event).verdict).collect()
}

fn is_permitted(verdicts: &[Verdict]) -> bool {
    verdicts.iter().any(|verdict| matches!(verdict, Verdict::Permit(_) | Verdict::Ask))
}

fn is_let_through(plan: &Plan, call: &str, registers: [u64; 6]) -> bool {
    let number = registry::call_named(call).expect("a call").number.0;
    plan.filter.decide(&SeccompData::native(number, registers)) == Action::Allow
}

fn addresses(port: u16) -> [SocketAddr; 5] {
    let v4 = |a, b, c, d| SocketAddr::from((Ipv4Addr::new(a, b, c, d), port));
    let v6 = SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), port));
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    [v4(10, 0, 0, 1), v4(127, 0, 0, 1), v4(0, 0, 0, 0), v6, any]
}

/// A socket of some kind can be made, with the call itself or by a way round it.
fn can_be_made(set: &PolicySet, triple: [u64; 3]) -> bool {
    let numbers = triple.map(Value::Number);
    ["socket", "socketpair"].iter().any(|maker| is_permitted(&verdicts(set, maker, &numbers)))
}

fn holds(set: &PolicySet, plan: &Plan, call: &str, ports: &[u16]) -> Result<(), TestCaseError> {
    for triple in [[1, 1, 0], [1, 2, 0], [2, 2, 0], [2, 2, 17], [2, 3, 1], [2, 1, 132], [2, 1, 262]]
    {
        prop_assert!(!can_be_made(set, triple), "{:?} can be made", triple);
    }
    let ulp = [6, 31].map(Value::Number);
    prop_assert!(!is_permitted(&verdicts(set, "setsockopt", &ulp)), "it can become another");
    for port in [0, 1, 53, 79, 80, 81, 443, 800, 8080, 65535] {
        for address in addresses(port) {
            let text = format!("inet-[{}]:{port}", address.ip());
            for verdict in verdicts(set, call, &[Value::Text(text.as_bytes())]) {
                let permitted = matches!(verdict, Verdict::Permit(_));
                prop_assert_eq!(ports.contains(&port), permitted, "{} {}", call, text);
            }
        }
    }
    for way in ["io_uring_setup", "mount", "chroot"] {
        prop_assert!(!is_let_through(plan, way, [0; 6]), "{}", way);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn ports_are_permitted_as_the_policy_says(rules in policies(), abi in 0..=7_u32) {
        let set = understood(&rules);
        let abi = LandlockAbi::new(abi);
        let Some(plan) = planned(&set, abi) else { return Ok(()) };
        let ruleset = plan.carried.landlock.as_ref();
        for call in ["bind", "connect"] {
            let ports = ruleset.and_then(|ruleset| match call {
                "bind" => ruleset.ports.bind.as_deref(),
                _ => ruleset.ports.connect.as_deref(),
            });
            match ports {
                Some(ports) => {
                    prop_assert!(abi >= Some(LandlockAbi::PORTS));
                    holds(&set, &plan, call, ports)?;
                }
                // Then whatever the filter lets through is permitted whatever the address.
                None if is_let_through(&plan, call, [0; 6]) => {
                    let texts = ["/run/x", "inet-[10.0.0.1]:80", "inet-[127.0.0.1]:9"];
                    for text in texts {
                        let all = verdicts(&set, call, &[Value::Text(text.as_bytes())]);
                        let permitted = |verdict: &Verdict| matches!(verdict, Verdict::Permit(_));
                        prop_assert!(all.iter().all(permitted), "{} {}", call, text);
                    }
                }
                None => {}
            }
        }
    }
}

fn of(rules: &[&str]) -> Plan {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    planned(&understood(&[rules]), LandlockAbi::new(4)).expect("a plan")
}

#[test]
fn a_server_of_tcp_needs_no_supervisor_for_its_port() {
    let bind = "native-bind: sockaddr match \"inet-*:8080\" then permit";
    let options = "native-setsockopt: level neq \"SOL_TCP\" or optname neq \"31\" then permit";
    let plan = of(&[TCP, bind, options]);
    let ruleset = plan.carried.landlock.as_ref().expect("a ruleset");
    assert_eq!(ruleset.ports.bind.as_deref(), Some(&[8080][..]));
    assert_eq!(ruleset.ports.connect, None);
    assert_eq!(plan.rules[1].mechanism, Mechanism::Landlock);
    for other in [
        &[TCP, "native-socketpair: permit", bind][..],
        &["native-socket: permit", bind],
        &[TCP, "native-bind: sockaddr eq \"inet-[0.0.0.0]:8080\" then permit"],
        &[TCP, bind, "native-bind: true then deny[eaddrinuse]"],
        &[TCP, bind, "native-mount: permit"],
        // By an option of TCP a socket becomes one of SMC, which Landlock does not look at.
        &[TCP, bind, "native-setsockopt: permit"],
        &[TCP, bind, "native-setsockopt: level eq \"SOL_TCP\" then permit"],
        &[TCP, bind, "native-setsockopt: optname neq \"0x1\" then permit"],
    ] {
        let plan = of(other);
        let bound = plan.carried.landlock.as_ref().and_then(|ruleset| ruleset.ports.bind.as_ref());
        assert_eq!(bound, None, "{other:?}");
    }
}
