//! Ports of TCP on the real kernel: what Landlock is left to judge comes to what the evaluator says.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use converter::host::{Host, LandlockAbi};
use converter::plan::{Plan, Target, plan};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use policy::registry;
use policy::sockaddr::{print_sockaddr, reached};
use policy::{Event, PolicySet, Subject, Value, Verdict};
use supervisor::Entry;
use supervisor::fence::raise;
use supervisor::sys::landlock::restrict_self;

use crate::stage::{fence, understood};
use crate::sys;

pub const TCP: &str = "socket: ( sockdom eq \"AF_INET\" or sockdom eq \"AF_INET6\" ) and ( socktype eq \"SOCK_STREAM\" and ( sockprot eq \"0\" or sockprot eq \"6\" ) ) then permit";

const POLICIES: &[&[&str]] = &[
    &["bind: sockaddr match \"inet-*:80\" then permit"],
    &["connect: sockaddr match \"inet-*:443\" then permit"],
    &[
        "bind: sockaddr match \"inet-*:0\" then permit",
        "connect: sockaddr match \"inet-*:80\" or sockaddr match \"inet-*:8080\" then permit",
    ],
    &[
        "connect: sockaddr match \"inet-*:8080\" then deny",
        "connect: sockaddr match \"inet-*:80\" or sockaddr match \"inet-*:8080\" then permit",
    ],
];

/// Plays all addresses under every policy.
pub fn play(newest: LandlockAbi) {
    if newest < LandlockAbi::PORTS {
        println!("fence: ports NOT TESTED, Landlock {newest} knows none");
        return;
    }
    let mut judged = 0;
    for rules in POLICIES {
        let rules = [TCP].iter().chain(*rules).map(|rule| (*rule).to_owned()).collect();
        let set = understood(&[rules]);
        let plan = planned(&set);
        let fence = fence(plan.carried.landlock.as_ref().expect("a ruleset"));
        let ruleset = raise(&fence, &set.policies[0], &Entry::default(), 0).expect("a ruleset");
        let ports = &plan.carried.landlock.as_ref().expect("a ruleset").ports;
        for (call, carried) in [("bind", &ports.bind), ("connect", &ports.connect)] {
            if carried.is_some() {
                judged += one(&set, &ruleset, call);
            }
        }
    }
    assert!(judged > 100, "{judged}");
    println!("fence: {judged} addresses judged by Landlock as by the evaluator ... ok");
}

fn planned(set: &PolicySet) -> Plan {
    let host = Host::of_this_release("6.18".parse().expect("a release"));
    plan(set, &Host { sockets: false, ..host }, Target::Supervised).expect("a plan")
}

fn one(set: &PolicySet, ruleset: &OwnedFd, call: &'static str) -> usize {
    let mut judged = 0;
    for port in [0, 1, 79, 80, 81, 443, 800, 8080] {
        for (family, address) in addresses(port) {
            let free = inside(family, call, &address, None);
            let fenced = inside(family, call, &address, Some(ruleset));
            let about = || format!("{call} {address:?}: {fenced} instead of {free}");
            let ends = call == "connect" && address[..2] == [0, 0];
            match ends || is_permitted(set, call, &address) {
                true => assert_eq!(fenced, free, "{}", about()),
                false => assert_eq!(fenced, Errno::EACCES as i32, "{}", about()),
            }
            judged += 1;
        }
    }
    judged
}

fn is_permitted(set: &PolicySet, call: &str, address: &[u8]) -> bool {
    let form = registry::call_named(call).expect("a call").form_ids().next().expect("a form");
    let text = print_sockaddr(&reached(call, address));
    let event = Event { form, values: &[Value::Text(&text)], subject: Subject::default() };
    matches!(set.policies[0].evaluate(&event).verdict, Verdict::Permit(_))
}

/// Addresses as programs pass them, each with the family of the socket.
fn addresses(port: u16) -> Vec<(AddressFamily, Vec<u8>)> {
    let v4 = |family: i32, address: Ipv4Addr| {
        let family = (family as u16).to_ne_bytes();
        [&family[..], &port.to_be_bytes(), &address.octets(), &[0; 8]].concat()
    };
    let v6 = |address: Ipv6Addr| {
        let family = (libc::AF_INET6 as u16).to_ne_bytes();
        [&family[..], &port.to_be_bytes(), &[0; 4], &address.octets(), &[0; 4]].concat()
    };
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    vec![
        (AddressFamily::Inet, v4(libc::AF_INET, Ipv4Addr::UNSPECIFIED)),
        (AddressFamily::Inet, v4(libc::AF_INET, Ipv4Addr::LOCALHOST)),
        (AddressFamily::Inet, v4(libc::AF_INET, Ipv4Addr::new(192, 0, 2, 1))),
        // bind(2) takes it for IPv4; connect(2) ends an association, which reaches nothing.
        (AddressFamily::Inet, v4(libc::AF_UNSPEC, Ipv4Addr::UNSPECIFIED)),
        (AddressFamily::Inet6, v6(Ipv6Addr::UNSPECIFIED)),
        (AddressFamily::Inet6, v6(Ipv6Addr::LOCALHOST)),
        (AddressFamily::Inet6, v6(mapped)),
    ]
}

/// The error of a call in a network of its own; 0: none.
fn inside(family: AddressFamily, call: &str, address: &[u8], ruleset: Option<&OwnedFd>) -> i32 {
    let number = registry::call_named(call).expect("a call").number.0;
    sys::in_child(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        if let Some(ruleset) = ruleset {
            restrict_self(ruleset.as_fd())?;
        }
        let socket = socket(family, SockType::Stream, SockFlag::empty(), None)?;
        let length = address.len() as u64;
        let arguments = [socket.as_raw_fd() as u64, address.as_ptr() as u64, length, 0, 0, 0];
        sys::call(number, arguments)
    })
}
