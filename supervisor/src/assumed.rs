//! `permit … as user:group`: one call is made with other ids than the caller's.
//!
//! Root is never more than Docker makes it: of the capabilities that are listed here, those that the engine has left in the
//! caller's bounding set. Any other user has none, as after seteuid(2).

use crate::caller::Caller;
use crate::container::Container;
use crate::notification::Denial;
use policy::Rule;
use policy::program::Principal;

/// What Docker lets root have (its default profile): CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP,
/// NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP, by their numbers in linux/capability.h.
const ROOT: u64 = 1 << 0
    | 1 << 1
    | 1 << 3
    | 1 << 4
    | 1 << 5
    | 1 << 6
    | 1 << 7
    | 1 << 8
    | 1 << 10
    | 1 << 13
    | 1 << 18
    | 1 << 27
    | 1 << 29
    | 1 << 31;

/// The ids of one call, as the host numbers them. What is not named stays the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// The effective and file system user. With one, the caller's supplementary groups do not count.
    pub user: Option<u32>,
    /// The effective and file system group.
    pub group: Option<u32>,
    /// It is the container's root.
    pub is_root: bool,
}

impl Assumed {
    /// What a rule names; `None` if it leaves the ids as they are.
    ///
    /// # Errors
    /// A refusal if the container has no such number.
    pub fn by(rule: &Rule, container: &Container) -> Result<Option<Self>, Denial> {
        let Some(identity) = &rule.identity else { return Ok(None) };
        let (users, groups) = container.ids();
        let number = |principal: &Option<Principal>| match principal {
            None => Ok(None),
            Some(Principal::Id(id)) => Ok(Some(*id)),
            Some(Principal::Name(_)) => Err(Denial::because("the rule names nobody here")),
        };
        let unknown = || Denial::because("the container has no such number");
        let (user, group) = (number(&identity.user)?, number(&identity.group)?);
        let outside = |id: Option<u32>, map: &crate::idmap::IdMap| {
            id.map(|id| map.outside(id).ok_or_else(unknown)).transpose()
        };
        Ok(Some(Self {
            user: outside(user, users)?,
            group: outside(group, groups)?,
            is_root: user == Some(0),
        }))
    }

    /// The capabilities to act with; `None`: the caller's.
    ///
    /// # Errors
    /// [`Denial::Gone`], or a refusal if the kernel's text cannot be understood.
    pub fn capabilities(&self, caller: &Caller<'_>) -> Result<Option<u64>, Denial> {
        match self {
            Self { user: None, .. } => Ok(None),
            Self { is_root: false, .. } => Ok(Some(0)),
            _ => {
                let status = caller.read_file("status")?;
                let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
                let bounding = line.and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
                let unknown = || Denial::because("cannot read the caller's bounding set");
                Ok(Some(ROOT & bounding.ok_or_else(unknown)?))
            }
        }
    }
}
