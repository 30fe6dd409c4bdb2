//! The mechanisms of the kernel, and the supervisor, as rules find them.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Who decides by a rule, from the cheapest to the dearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanism {
    /// Nobody: other rules decide all its calls before.
    Unreachable,
    /// The BPF program.
    Seccomp,
    /// The container's configuration: what no permitted call needs is taken away. It decides by no rule.
    Spec,
    /// A Landlock ruleset.
    Landlock,
    /// Programs on the sockets of the container's cgroup.
    Sockets,
    /// The supervisor, at least for some calls.
    Supervisor,
    /// A supervisor would, but there is none.
    Nobody,
}

impl Mechanism {
    /// Those that can be switched off: the supervisor does all that they do. What needs neither it nor them is
    /// [`Target::Standalone`](crate::plan::Target::Standalone).
    pub const OPTIONAL: [Self; 3] = [Self::Spec, Self::Landlock, Self::Sockets];

    /// As reports and the command line name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Seccomp => "seccomp",
            Self::Spec => "spec",
            Self::Landlock => "landlock",
            Self::Sockets => "sockets",
            Self::Supervisor => "supervisor",
            Self::Nobody => "nobody",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not a mechanism that can be switched off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of spec, landlock, sockets")]
pub struct MechanismError(String);

impl FromStr for Mechanism {
    type Err = MechanismError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |mechanism: &Self| mechanism.name() == text;
        Self::OPTIONAL.into_iter().find(named).ok_or_else(|| MechanismError(text.to_owned()))
    }
}
