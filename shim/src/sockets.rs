//! Programs on the sockets of a container's control group: whether they can be relied on for this container, and
//! how they come to be there.

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use nix::sys::socket::{AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname};
use nix::sys::socket::{getsockopt, sockopt};
use oci_spec::runtime::{Capability, Spec};
use supervisor::sockets::programs::{LoadedPrograms, ProgramError, SocketProgram};

use crate::cgroup::companions::Companions;
use crate::sys;

/// File in our folder of a container: its sockets are judged by programs or by Landlock.
const MARK: &str = "sockets";

/// With these a process can reach the host's own cgroup file system, and leave the container's group.
const WAYS_OUT: [Capability; 2] = [Capability::SysAdmin, Capability::SysPtrace];

/// Who sees every socket of a container.
#[derive(Debug, Clone, Copy)]
pub struct Judges {
    /// Programs do: all sockets will be in the container's group.
    pub programs: bool,
    /// Landlock does, where only sockets of TCP can be made: no process is given one that was made elsewhere.
    pub ports: bool,
}

/// Looks at a container that is to be made, which gets our first descriptors and so many more.
pub fn judges(spec: &Spec, companions: &Companions, descriptors: i32) -> Judges {
    let ports = !inherits_socket(descriptors);
    Judges { programs: ports && stay_in_group(spec, companions), ports }
}

/// Every socket of a container will be in its group: the group is its own, and no process can leave it.
fn stay_in_group(spec: &Spec, companions: &Companions) -> bool {
    let Some(hierarchy) = hierarchy() else { return false };
    let own = companions.unified().is_some() || hierarchy == Path::new("/sys/fs/cgroup");
    own && numbers_as_programs_do() && !shows_groups(spec, &hierarchy) && !has_way_out(spec)
}

/// Programs number processes as the first pid namespace does; elsewhere we would mean others.
fn numbers_as_programs_do() -> bool {
    /// `PROC_PID_INIT_INO` (linux/proc_ns.h).
    const FIRST: &str = "pid:[4026531836]";
    fs::read_link("/proc/self/ns/pid").is_ok_and(|namespace| namespace == Path::new(FIRST))
}

/// Where cgroup2 is mounted as a whole (proc_pid_mountinfo(5)).
pub fn hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let mut words = mount.split(' ').skip(3);
    let (root, place) = (words.next()?, words.next()?);
    (root == "/").then(|| PathBuf::from(place))
}

/// A mount that lets the container write into the cgroup file system. Binds of folders above it bring it along, and
/// `ro` is not for what is mounted below.
fn shows_groups(spec: &Spec, hierarchy: &Path) -> bool {
    spec.mounts().iter().flatten().any(|mount| {
        let options = mount.options().as_deref().unwrap_or_default();
        if mount.typ().as_deref().is_some_and(|kind| kind.starts_with("cgroup")) {
            return !options.iter().any(|option| option == "ro");
        }
        let bound = options.iter().any(|option| option == "bind" || option == "rbind");
        let source = mount.source().as_ref().filter(|_| bound);
        let source = source.map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
        source.is_some_and(|path| hierarchy.starts_with(&path) || path.starts_with(hierarchy))
    })
}

fn has_way_out(spec: &Spec) -> bool {
    let sets = spec.process().as_ref().and_then(|process| process.capabilities().as_ref());
    let Some(sets) = sets else { return false };
    let all = [sets.bounding(), sets.permitted(), sets.effective(), sets.inheritable()];
    all.into_iter().flatten().any(|set| WAYS_OUT.iter().any(|way| set.contains(way)))
}

/// One of our first descriptors, which the container gets, is a socket that can still be connected or bound. Pairs of
/// stream sockets cannot.
fn inherits_socket(preserved: i32) -> bool {
    (0..3 + preserved.max(0)).any(|number| {
        sys::inherited(number).is_some_and(|descriptor| is_open_socket(descriptor.as_fd()))
    })
}

fn is_open_socket(descriptor: BorrowedFd<'_>) -> bool {
    use std::os::fd::AsRawFd;
    let Ok(kind) = getsockopt(&descriptor, sockopt::SockType) else { return false };
    let name = getsockname::<SockaddrStorage>(descriptor.as_raw_fd());
    let unix = name.is_ok_and(|name| name.family() == Some(AddressFamily::Unix));
    !unix || kind == SockType::Datagram
}

/// Whether the kernel takes such programs as plans have.
pub fn probe() -> Result<(), String> {
    let programs = converter::sockets::admitting("connect").map_err(|error| error.to_string())?;
    load(&programs).map(drop).map_err(|error| error.to_string())
}

/// Loads the programs of a plan; none if there are none.
pub fn load(
    programs: &[converter::sockets::SocketProgram],
) -> Result<Option<Arc<LoadedPrograms>>, ProgramError> {
    if programs.is_empty() {
        return Ok(None);
    }
    let programs = programs.iter().map(|program| SocketProgram {
        hook: program.hook as u32,
        code: program.program.to_bytes(),
    });
    LoadedPrograms::load(&programs.collect::<Vec<_>>()).map(|loaded| Some(Arc::new(loaded)))
}

/// Attaches the programs to the group of the container's first process, which waits for its start.
pub fn attach(programs: &LoadedPrograms, pid: i32, folder: &Path) -> anyhow::Result<()> {
    let hierarchy = hierarchy().context("there is no unified hierarchy of cgroups")?;
    let group = group_of(&pid.to_string()).context("the container is in no cgroup")?;
    // In a group that others are in too, they would be judged as well.
    let path = hierarchy.join(&group);
    let members = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    let own = members.lines().all(|member| member == pid.to_string());
    anyhow::ensure!(own, "the container has no cgroup of its own for socket programs");
    let opened = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    programs.attach(opened.as_fd())?;
    mark(folder)
}

/// Writes down that a socket from elsewhere would not be judged in the container.
pub fn mark(folder: &Path) -> anyhow::Result<()> {
    fs::write(folder.join(MARK), "").context("cannot save the container's state")
}

/// The group of a process in the unified hierarchy, relative to its mount (proc_pid_cgroup(5)).
fn group_of(process: &str) -> Option<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(PathBuf::from(path))
}

/// Refuses to bring a socket from elsewhere into a container where programs or Landlock judge sockets.
pub fn ensure_none_inherited(folder: &Path, descriptors: i32) -> anyhow::Result<()> {
    let judged = folder.join(MARK).exists();
    anyhow::ensure!(
        !judged || !inherits_socket(descriptors),
        "an inherited network socket would not be judged as the container's own sockets are"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(mounts: serde_json::Value, capabilities: serde_json::Value) -> Spec {
        let user = json!({ "uid": 0, "gid": 0 });
        let process = json!({ "cwd": "/", "user": user, "capabilities": capabilities });
        let spec =
            json!({ "ociVersion": "1.0.2", "process": process, "mounts": mounts, "linux": {} });
        serde_json::from_value(spec).unwrap()
    }

    fn mount(kind: &str, source: &str, options: &[&str]) -> serde_json::Value {
        json!([{ "destination": "/x", "type": kind, "source": source, "options": options }])
    }

    #[test]
    fn a_container_that_could_leave_its_group_is_told() {
        let hierarchy = Path::new("/sys/fs/cgroup/unified");
        let shows = |kind, source, options: &[&str]| {
            shows_groups(&spec(mount(kind, source, options), json!({})), hierarchy)
        };
        assert!(!shows("cgroup", "cgroup", &["ro"]) && shows("cgroup", "cgroup", &["nosuid"]));
        assert!(shows("cgroup2", "cgroup", &[]));
        assert!(shows("bind", "/", &["rbind", "ro"]) && shows("none", "/sys", &["bind"]));
        assert!(!shows("bind", "/etc", &["rbind"]) && !shows("tmpfs", "/", &[]));
    }

    #[test]
    fn capabilities_that_lead_out_are_told() {
        let owns = |names: &[&str]| has_way_out(&spec(json!([]), json!({ "bounding": names })));
        assert!(owns(&["CAP_SYS_ADMIN"]) && owns(&["CAP_KILL", "CAP_SYS_PTRACE"]));
        assert!(!owns(&["CAP_NET_RAW"]));
    }

    #[test]
    fn sockets_that_can_still_be_connected_are_told() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(!is_open_socket(one.as_fd()));
        let (one, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        assert!(is_open_socket(one.as_fd()));
        assert!(is_open_socket(std::net::UdpSocket::bind("127.0.0.1:0").unwrap().as_fd()));
        assert!(!is_open_socket(File::open("/dev/null").unwrap().as_fd()));
    }
}
