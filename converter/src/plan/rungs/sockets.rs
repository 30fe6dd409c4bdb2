//! Programs on the sockets of the container's control group carry connect(2) and bind(2) where all rules can be told from
//! addresses, and where no socket can be made that the programs do not see.

use policy::ast::PermitFlag;
use policy::program::{Action as RuleAction, Policy};
use policy::registry;
use policy::{PolicySet, Rule};

use super::{Answer, Carried, Case, Load, Offer, Offers, Rung, Scene, Settled};
use crate::host::{Host, LinuxVersion};
use crate::plan::Mechanism;
use crate::plan::decisions::Decisions;
use crate::seccomp::{Action, Clause, Filter};
use crate::sockets::{Hook, SocketProgram, admitting, kinds, programs, rules};

/// The rung.
pub(super) struct Sockets;

impl Rung for Sockets {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Sockets
    }

    fn answer(&self, case: &Case<'_>) -> Answer {
        let call = case.form.call().name;
        if Hook::of(call).is_empty() {
            // Of a call without an address there is nothing to be said.
            let mut parameters = case.form.form().parameters.iter();
            let has_address = parameters.any(|parameter| parameter.name == "sockaddr");
            return Err(match has_address {
                true => format!("no program judges the addresses of {call}"),
                false => String::new(),
            });
        }
        if case.host.linux < LinuxVersion::SOCKET_PROGRAMS {
            return Err(format!(
                "Linux {} does not show programs every address, {} does",
                case.host.linux,
                LinuxVersion::SOCKET_PROGRAMS
            ));
        }
        // Ending an association (`AF_UNSPEC`) is no connection: it is let through wherever some connection may be.
        if !case.policy.may_permit(case.form) {
            return Err(format!("no rule permits {call}"));
        }
        let judged = rules(case.policy, case.form)
            .map_err(|(id, reason)| format!("{} {}", case.policy.rule(id).origin, reason.text()))?;
        if !kinds::all_seen(case.policy, call) {
            return Err(format!(
                "the rules on socket and socketpair permit sockets whose {call} no program sees"
            ));
        }
        if releases(case.policy) {
            return Err("programs that a rule detaches would be judged too".to_owned());
        }
        let load = programs(call, &judged).map_err(|error| error.to_string())?;
        Ok(Offer {
            decisions: Decisions::always(Action::Allow),
            load: Load::Sockets(load),
            difference: None,
        })
    }

    fn settle(&self, _: &Scene<'_>, offers: Offers, carried: &mut Carried) -> Settled {
        for offer in offers.values() {
            if let Load::Sockets(programs) = &offer.load {
                carried.sockets.extend(programs.iter().cloned());
            }
        }
        Settled { kept: offers, ..Settled::default() }
    }
}

/// The programs that hold connect(2) to what the supervisor has judged, where it judges all of them: then the kernel can
/// go on with the call itself, which blocks, is interrupted and shows its peer as without us.
pub(in crate::plan) fn admit(set: &PolicySet, filter: &Filter, host: &Host) -> Vec<SocketProgram> {
    const CALL: &str = "connect";
    let call = registry::call_named(CALL).expect("the registry has it");
    let supervised = filter.calls.get(&call.number).map(Vec::as_slice)
        == Some(&[Clause::always(Action::Notify)]);
    let may =
        host.lacks(Mechanism::Sockets).is_none() && host.linux >= LinuxVersion::SOCKET_PROGRAMS;
    let permits = |form| set.policies.iter().any(|policy| policy.may_permit(form));
    let seen =
        || set.policies.iter().all(|policy| !policy.is_detached() && kinds::all_seen(policy, CALL));
    match supervised && may && call.form_ids().any(permits) && seen() {
        true => admitting(CALL).expect("short programs"),
        false => Vec::new(),
    }
}

/// Some program may run without supervision.
fn releases(policy: &Policy) -> bool {
    let detaches = |rule: &Rule| rule.action == RuleAction::Permit(PermitFlag::Detach);
    policy.is_detached() || policy.rules().iter().any(detaches)
}
