//! Ports of TCP, which Landlock judges where no socket program does.
//!
//! It looks at no address and at no other socket. So the rules must say the same of all addresses, and the policy must let
//! no other sockets be made.

use std::ops::RangeInclusive;

use policy::Errno;
use policy::registry::FormId;

use super::{Answer, Case, Load, Obstacle, Offer};
use crate::host::LandlockAbi;
use crate::landlock::Ports;
use crate::plan::decisions::Decisions;
use crate::seccomp::Action;
use crate::sockets::endpoints::Endpoints;
use crate::sockets::{SocketRule, Tree, Verdict, kinds, rules};

/// The kernel keeps a rule for each port.
const MOST: usize = 1024;
const ALL: RangeInclusive<u32> = 0..=u32::MAX;

/// Whether the form is about addresses that have ports.
pub(super) fn are_of(form: FormId) -> bool {
    matches!(form.call().name, "bind" | "connect")
}

/// What Landlock can do for bind(2) or connect(2).
pub(super) fn answer(case: &Case<'_>, abi: LandlockAbi) -> Answer {
    let call = case.form.call().name;
    if abi < LandlockAbi::PORTS {
        return Err(format!("Landlock {abi} knows no ports, {} does", LandlockAbi::PORTS));
    }
    if !case.policy.may_permit(case.form) {
        return Err(format!("no rule permits {call}"));
    }
    let judged = rules(case.policy, case.form)
        .map_err(|(id, reason)| format!("{} {}", case.policy.rule(id).origin, reason.text()))?;
    for rule in &judged {
        let origin = || &case.policy.rule(rule.id).origin;
        if !is_of_ports(&rule.condition) {
            return Err(format!("{} tells addresses apart, and Landlock ports only", origin()));
        }
        let errno = match rule.verdict {
            Verdict::Deny(errno) if case.policy.rule(rule.id).names_errno => errno,
            _ => continue,
        };
        if errno != libc::EACCES as u16 {
            let errno = Errno::new(errno).map(|errno| errno.to_string()).unwrap_or_default();
            return Err(format!("a denial must be {errno}, and Landlock's are EACCES"));
        }
    }
    if !kinds::all_tcp(case.policy, call) {
        return Err("the rules on socket and socketpair permit others than those of TCP".into());
    }
    let ports = permitted(&judged)?;
    Ok(Offer {
        decisions: Decisions::always(Action::Allow),
        load: Load::Ports(ports),
        difference: None,
    })
}

/// Writes down what a carried form may name.
pub(super) fn enter(ports: &mut Ports, form: FormId, permitted: &[u16]) {
    match form.call().name {
        "bind" => ports.bind = Some(permitted.to_vec()),
        _ => ports.connect = Some(permitted.to_vec()),
    }
}

/// Every test is about ports alone.
fn is_of_ports(condition: &Tree) -> bool {
    match condition {
        Tree::Constant(_) => true,
        Tree::Test(Endpoints { v4, v6, .. }) => *v4 == [ALL] && *v6 == [[ALL; 4]],
        Tree::Not(inner) => is_of_ports(inner),
        Tree::And(one, other) | Tree::Or(one, other) => is_of_ports(one) && is_of_ports(other),
    }
}

fn permitted(judged: &[SocketRule]) -> Result<Vec<u16>, Obstacle> {
    let first = |port: &u16| judged.iter().find(|rule| holds(&rule.condition, *port));
    let permits = |port: &u16| first(port).is_some_and(|rule| rule.verdict == Verdict::Permit);
    let ports: Vec<u16> = (0..=u16::MAX).filter(permits).take(MOST + 1).collect();
    if ports.len() > MOST {
        return Err(format!("more than {MOST} ports are permitted"));
    }
    Ok(ports)
}

fn holds(condition: &Tree, port: u16) -> bool {
    match condition {
        Tree::Constant(holds) => *holds,
        Tree::Test(Endpoints { ports, .. }) => ports.iter().any(|range| range.contains(&port)),
        Tree::Not(inner) => !holds(inner, port),
        Tree::And(one, other) => holds(one, port) && holds(other, port),
        Tree::Or(one, other) => holds(one, port) || holds(other, port),
    }
}
