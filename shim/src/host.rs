//! What this machine has, as a plan needs to know it.

use std::fs;

use converter::host::{Host, LandlockAbi, LinuxVersion, LinuxVersionError, SeccompLevel};

use crate::sys;

/// Looks at the machine. The kernel's release is the only thing that must be there.
///
/// # Errors
/// The release cannot be read.
pub fn probe() -> Result<Host, LinuxVersionError> {
    let mut host = Host::of_this_release(release().parse::<LinuxVersion>()?);
    host.landlock = LandlockAbi::new(sys::landlock_version());
    host.seccomp = seccomp();
    host.sockets = has_unified_hierarchy();
    Ok(host)
}

/// The release as uname(2) tells it; empty without /proc.
pub fn release() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().to_owned()
}

fn seccomp() -> SeccompLevel {
    match (sys::knows_notification(), sys::knows_killable_wait()) {
        (true, true) => SeccompLevel::Killable,
        (true, false) => SeccompLevel::Notify,
        (false, _) => SeccompLevel::Filter,
    }
}

/// Beside the old hierarchies or alone, cgroup2 is mounted somewhere (cgroups(7)).
fn has_unified_hierarchy() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().any(|line| line.contains(" - cgroup2 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probed_host_can_be_written_and_read() {
        let host = probe().unwrap();
        assert_eq!(host.to_string().parse::<Host>().unwrap(), host);
        // The tests of this crate stand on supervision.
        assert_eq!(host.seccomp, SeccompLevel::Killable);
    }
}
