//! The loopback interface of a network that is made with a container: runc brings it up, libcontainer leaves it down, and
//! not every engine does it itself (`ctr run` does not).

use crate::sys;
use nix::sched::{CloneFlags, setns};
use oci_spec::runtime::{LinuxNamespaceType, Spec};
use std::fs::File;

/// Brings it up for the container whose first process this is, unless it joined a network that somebody else has made.
pub fn bring_up(spec: &Spec, pid: i32) -> std::io::Result<()> {
    let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_deref());
    let is_new = namespaces.unwrap_or_default().iter().any(|namespace| {
        namespace.typ() == LinuxNamespaceType::Network && namespace.path().is_none()
    });
    if !is_new {
        return Ok(());
    }
    let ours = File::open("/proc/self/ns/net")?;
    setns(File::open(format!("/proc/{pid}/ns/net"))?, CloneFlags::CLONE_NEWNET)?;
    let raised = sys::raise_loopback();
    setns(ours, CloneFlags::CLONE_NEWNET)?;
    Ok(raised?)
}
