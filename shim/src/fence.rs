//! Landlock's part in the start of a container: which of its two sets of walls can stand.
//!
//! Names of rules mean folders of the container, and those are there once libcontainer has mounted everything. Then the
//! ruleset is made, on the host, and left with the supervisor: the container's first process takes it from there when it
//! starts, and so does every process that joins.

use std::os::fd::AsFd;
use std::path::Path;

use anyhow::Context;
use libcontainer::container::Container;
use policy::Policy;
use supervisor::fence::{self, Fence};
use supervisor::{Confinement, Entry};

use crate::sockets;
use crate::supervise::{self, SuperviseError};

/// What is needed to decide, kept while the supervisor has the rest.
#[derive(Debug)]
pub struct Fencing {
    fence: Fence,
    policy: Policy,
    entry: Entry,
}

impl Fencing {
    /// Of a container that may be fenced.
    pub fn of(confinement: &Confinement) -> Option<Self> {
        let fence = confinement.fence.clone()?;
        let policy = confinement.policies.policies.first()?.clone();
        Some(Self { fence, policy, entry: confinement.entry.clone() })
    }

    /// Decides for a container that has not started, and tells the supervisor.
    pub fn settle(&self, container: &Container, folder: &Path) -> anyhow::Result<()> {
        let pid = container.pid().context("the container has no process")?.as_raw();
        if self.fence.handled_ports != 0 {
            sockets::mark(folder)?;
        }
        self.tell(pid, folder).context("cannot fence the container")
    }

    fn tell(&self, pid: i32, folder: &Path) -> Result<(), SuperviseError> {
        let supervisor = supervise::connect(folder)?;
        let outcome = match fence::raise(&self.fence, &self.policy, &self.entry, pid) {
            Ok(ruleset) => supervisor.tell_fence(Ok(ruleset.as_fd())),
            Err(unfit) => supervisor.tell_fence(Err(&unfit.to_string())),
        };
        Ok(outcome?)
    }
}
