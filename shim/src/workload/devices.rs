//! A read-only `/dev`: libcontainer mounts it writable, to put the devices into it, and leaves it so.

use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};
use oci_spec::runtime::{Mount, Spec};

const DEV: &str = "/dev";

/// Makes it as the engine asked for.
pub fn protect(spec: &Spec) -> Result<(), Errno> {
    if !spec.mounts().as_deref().unwrap_or_default().iter().any(is_read_only_dev) {
        return Ok(());
    }
    // A remount sets all flags of a mount, so those it has are repeated (mount(2)).
    let has = statvfs(DEV)?.flags();
    let pairs = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ];
    let kept = pairs.into_iter().filter(|(flag, _)| has.contains(*flag)).map(|(_, flag)| flag);
    let flags =
        kept.fold(MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY, |a, b| a | b);
    mount(None::<&str>, DEV, None::<&str>, flags, None::<&str>)
}

fn is_read_only_dev(mount: &Mount) -> bool {
    let options = mount.options().as_deref().unwrap_or_default();
    mount.destination() == Path::new(DEV)
        && mount.typ().as_deref() == Some("tmpfs")
        && options.iter().any(|option| option == "ro")
}
