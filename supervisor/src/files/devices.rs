//! Which devices a container may use. The device cgroup judges the process that opens, and that is us, so its rules
//! (`linux.resources.devices` of the OCI runtime specification) are applied here.

use nix::sys::stat::{SFlag, major, minor};

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Allowed or denied.
    pub allow: bool,
    /// Character or block devices; none: both.
    pub kind: Option<DeviceKind>,
    /// The major number; none: every one.
    pub major: Option<u64>,
    /// The minor number; none: every one.
    pub minor: Option<u64>,
    /// What is allowed or denied.
    pub access: Access,
}

/// The two kinds of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// `c`
    Character,
    /// `b`
    Block,
}

/// `r`, `w` and `m` of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Reading.
    pub read: bool,
    /// Writing.
    pub write: bool,
    /// mknod(2).
    pub make: bool,
}

impl Access {
    /// All three.
    pub const ALL: Self = Self { read: true, write: true, make: true };
}

/// The rules of one container, in order: the last one that applies decides.
#[derive(Debug, Clone, Default)]
pub struct Devices {
    rules: Vec<Rule>,
}

/// Making a node opens nothing, and runtimes always allow it (`c *:* m` and `b *:* m`).
const ANY_NODE: Rule = Rule {
    allow: true,
    kind: None,
    major: None,
    minor: None,
    access: Access { read: false, write: false, make: true },
};

/// What runtimes allow whatever the configuration says: null, zero, full, random, urandom, tty, console, ptmx and
/// the terminals (OCI runtime specification, "Default Devices").
const ALWAYS: &[(u64, Option<u64>)] = &[
    (1, Some(3)),
    (1, Some(5)),
    (1, Some(7)),
    (1, Some(8)),
    (1, Some(9)),
    (5, Some(0)),
    (5, Some(1)),
    (5, Some(2)),
    (136, None),
];

impl Devices {
    /// The rules of a container's configuration. Without any, no device cgroup is set up and every device may be used.
    #[must_use]
    pub fn new(mut rules: Vec<Rule>) -> Self {
        if !rules.is_empty() {
            rules.push(ANY_NODE);
            rules.extend(ALWAYS.iter().map(|&(major, minor)| Rule {
                allow: true,
                kind: Some(DeviceKind::Character),
                major: Some(major),
                minor,
                access: Access::ALL,
            }));
        }
        Self { rules }
    }

    /// Whether a device may be opened for reading and writing.
    #[must_use]
    pub fn permit(&self, kind: SFlag, device: u64, (read, write): (bool, bool)) -> bool {
        (!read || self.decide(kind, device, |access| access.read))
            && (!write || self.decide(kind, device, |access| access.write))
    }

    /// Whether a node for a device may be made.
    #[must_use]
    pub fn permit_node(&self, kind: SFlag, device: u64) -> bool {
        self.decide(kind, device, |access| access.make)
    }

    fn decide(&self, kind: SFlag, device: u64, concerns: impl Fn(&Access) -> bool) -> bool {
        let kind = match kind {
            SFlag::S_IFBLK => DeviceKind::Block,
            _ => DeviceKind::Character,
        };
        let applies = |rule: &&Rule| {
            concerns(&rule.access)
                && rule.kind.is_none_or(|only| only == kind)
                && rule.major.is_none_or(|number| number == major(device))
                && rule.minor.is_none_or(|number| number == minor(device))
        };
        match self.rules.iter().rev().find(applies) {
            Some(rule) => rule.allow,
            None => self.rules.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::makedev;

    fn rule(allow: bool, numbers: Option<(u64, u64)>, access: Access) -> Rule {
        let (major, minor) = numbers.unzip();
        Rule { allow, kind: numbers.map(|_| DeviceKind::Character), major, minor, access }
    }

    #[test]
    fn the_last_rule_that_applies_decides() {
        let read = Access { read: true, write: false, make: false };
        let devices = Devices::new(vec![
            rule(false, None, Access::ALL),
            rule(true, Some((10, 229)), Access::ALL),
            rule(false, Some((10, 229)), read),
        ]);
        let fuse = makedev(10, 229);
        assert!(devices.permit(SFlag::S_IFCHR, fuse, (false, true)));
        assert!(!devices.permit(SFlag::S_IFCHR, fuse, (true, true)));
        assert!(devices.permit_node(SFlag::S_IFCHR, fuse));
        assert!(!devices.permit(SFlag::S_IFBLK, fuse, (false, true)));
        assert!(!devices.permit(SFlag::S_IFCHR, makedev(1, 11), (true, false)));
        assert!(devices.permit(SFlag::S_IFCHR, makedev(1, 3), (true, true)));
    }

    #[test]
    fn any_node_may_be_made_and_not_opened() {
        let devices = Devices::new(vec![rule(false, None, Access::ALL)]);
        let disk = makedev(8, 0);
        assert!(devices.permit_node(SFlag::S_IFBLK, disk));
        assert!(!devices.permit(SFlag::S_IFBLK, disk, (true, false)));
    }

    #[test]
    fn without_rules_there_is_no_device_cgroup() {
        assert!(Devices::new(Vec::new()).permit(SFlag::S_IFBLK, makedev(8, 0), (true, true)));
    }
}
