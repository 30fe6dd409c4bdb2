//! Programs on the sockets of the container's control group carry connect(2) and bind(2) where all rules can be told from
//! addresses, and where no socket can be made that the programs do not see.

use super::{Answer, Carried, Case, Load, Offer, Offers, Rung, Scene};
use crate::host::LinuxVersion;
use crate::plan::Mechanism;
use crate::plan::decisions::Decisions;
use crate::seccomp::Action;
use crate::sockets::{Hook, kinds, programs, rules};

/// The rung.
pub(super) struct Sockets;

impl Rung for Sockets {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Sockets
    }

    fn answer(&self, case: &Case<'_>) -> Answer {
        let call = case.form.call().name;
        if Hook::of(call).is_empty() {
            return Err(format!("no program judges the addresses of {call}"));
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
        let load = programs(call, &judged).map_err(|error| error.to_string())?;
        Ok(Offer {
            decisions: Decisions::always(Action::Allow),
            load: Load::Sockets(load),
            difference: None,
        })
    }

    fn settle(&self, _: &Scene<'_>, offers: Offers, carried: &mut Carried) -> Offers {
        for offer in offers.values() {
            let Load::Sockets(programs) = &offer.load;
            carried.sockets.extend(programs.iter().cloned());
        }
        offers
    }
}
