//! Capabilities that a process has for our start-up only: they are given back before its program runs.

use libcontainer::capabilities::CapabilityExt;
use oci_spec::runtime::{Capabilities, Capability, LinuxCapabilities, Process};

/// CAP_SYS_ADMIN: a filter may only be loaded with it or with no_new_privs (seccomp(2)), and no_new_privs would change
/// the workload. CAP_CHOWN: the terminal becomes the user's.
fn needed(process: &Process) -> impl Iterator<Item = Capability> {
    let for_terminal = (process.terminal() == Some(true)).then_some(Capability::Chown);
    [Capability::SysAdmin].into_iter().chain(for_terminal)
}

/// What has to be given back: the engine did not give it.
pub fn to_give_back(process: &Process) -> Vec<caps::Capability> {
    needed(process).filter(|one| !owns(process, *one)).map(|one| one.to_cap()).collect()
}

fn owns(process: &Process, one: Capability) -> bool {
    let sets = process.capabilities().as_ref();
    sets.and_then(|sets| sets.permitted().as_ref()).is_some_and(|set| set.contains(&one))
}

/// Adds them to the effective and permitted sets. They are in no other set, so execve(2) takes them away even if our
/// start-up did not.
///
/// A set that the engine left out becomes an empty one, as under runc; libcontainer would leave it full.
pub fn lend(process: &mut Process) {
    let mut sets = process.capabilities().clone().unwrap_or_else(no_capabilities);
    let mut effective = sets.effective().clone().unwrap_or_default();
    let mut permitted = sets.permitted().clone().unwrap_or_default();
    effective.extend(needed(process));
    permitted.extend(needed(process));
    let filled = |set: &Option<Capabilities>| Some(set.clone().unwrap_or_default());
    let (bounding, inheritable) = (filled(sets.bounding()), filled(sets.inheritable()));
    let ambient = filled(sets.ambient());
    sets.set_bounding(bounding)
        .set_effective(Some(effective))
        .set_permitted(Some(permitted))
        .set_inheritable(inheritable)
        .set_ambient(ambient);
    process.set_capabilities(Some(sets));
}

fn no_capabilities() -> LinuxCapabilities {
    let mut sets = LinuxCapabilities::default();
    sets.set_bounding(None)
        .set_effective(None)
        .set_permitted(None)
        .set_inheritable(None)
        .set_ambient(None);
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_capabilities_gets_no_others() {
        let mut process = Process::default();
        process.set_capabilities(None).set_terminal(Some(false));
        lend(&mut process);
        let sets = process.capabilities().clone().unwrap();
        assert_eq!(sets.bounding(), &Some(Capabilities::new()));
        assert_eq!(sets.permitted().as_ref().unwrap().len(), 1);
    }

    #[test]
    fn only_what_was_not_the_engines_is_given_back() {
        let mut process = Process::default();
        process.set_capabilities(Some(no_capabilities())).set_terminal(Some(true));
        let both = vec![caps::Capability::CAP_SYS_ADMIN, caps::Capability::CAP_CHOWN];
        assert_eq!(to_give_back(&process), both);
        let mut sets = no_capabilities();
        sets.set_permitted(Some([Capability::Chown].into_iter().collect()));
        process.set_capabilities(Some(sets));
        assert_eq!(to_give_back(&process), [caps::Capability::CAP_SYS_ADMIN]);
    }
}
