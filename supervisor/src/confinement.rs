//! What a supervisor is told about the container that it will serve, before the container exists.

use crate::constancy::Constancy;
use crate::fence::Fence;
use crate::files::devices;
use crate::filter::Filter;
use crate::sockets::programs::LoadedPrograms;
use policy::PolicySet;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything about one container.
#[derive(Debug, Clone)]
pub struct Confinement {
    /// The container's identifier, as the engine calls it.
    pub id: String,
    /// The policies; the first is the entry program's.
    pub policies: PolicySet,
    /// The compiled filter, for further processes that `exec` brings into the container.
    pub filter: Filter,
    /// A cheaper filter with the Landlock ruleset that it counts on, if the container turns out to be fit for it.
    pub fence: Option<Fence>,
    /// The programs on the sockets of its control group, if there are any.
    pub sockets: Option<Arc<LoadedPrograms>>,
    /// What the filter promises of the container's processes.
    pub constancy: Constancy,
    /// Where audit records are appended.
    pub audit: PathBuf,
    /// The device rules of the OCI spec (`linux.resources.devices`), in order.
    pub devices: Vec<devices::Rule>,
    /// The entry program's surroundings.
    pub entry: Entry,
}

/// What the variables of a policy stand for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The user that the entry program runs as, as the container numbers it; its `$HOME` and `$USER` are those of the container's
    /// passwd(5), not of the environment.
    pub uid: u32,
    /// Its working directory.
    pub cwd: Vec<u8>,
}
