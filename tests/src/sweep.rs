//! Taking the private engine down, whatever state it is in: after a run, at Ctrl-C, or before the next start when the
//! last one was killed. Only what carries the engine's own paths or control group is touched.

use crate::command::finish;
use crate::engine::client;
use crate::place::Home;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a daemon may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// Arranges that Ctrl-C or SIGTERM takes every engine of this workspace down before this process ends.
///
/// # Errors
/// The handler cannot be set.
pub fn at_signal() -> Result<()> {
    static OUTCOME: OnceLock<Result<(), String>> = OnceLock::new();
    let set = || {
        ctrlc::set_handler(|| {
            for home in [Home::of_workspace(), Home::of_node()] {
                drop(engine(&home));
            }
            std::process::exit(130);
        })
    };
    let outcome = OUTCOME.get_or_init(|| set().map_err(|error| error.to_string()));
    outcome.clone().map_err(anyhow::Error::msg)
}

/// Stops the engine and removes everything but its data root.
///
/// # Errors
/// Something would not go away.
pub fn engine(home: &Home) -> Result<()> {
    remove_containers(home)?;
    for daemon in ["dockerd", "containerd"] {
        stop(home, daemon);
    }
    for pid in
        container_processes(home).into_iter().chain(processes_naming(&home.containerd_socket()))
    {
        end(pid, Signal::SIGKILL);
    }
    for mount in mounts_below(home.path())? {
        umount2(&mount, MntFlags::MNT_DETACH)
            .with_context(|| format!("cannot unmount {}", mount.display()))?;
    }
    for folder in cgroups(home) {
        remove_cgroup(&folder);
    }
    // containerd 1.6 puts its shims' sockets here wherever its own state is; not empty means somebody else's.
    // The cache of the network plug-ins has no other place either.
    for folder in ["/run/containerd/s", "/run/containerd", "/var/lib/cni/results", "/var/lib/cni"] {
        drop(fs::remove_dir(folder));
    }
    match fs::remove_dir_all(home.run()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", home.run().display()))
        }
        _ => Ok(()),
    }
}

fn remove_containers(home: &Home) -> Result<()> {
    if !home.socket().exists() {
        return Ok(());
    }
    let listed = finish(client(home).args(["ps", "--all", "--quiet"]), b"")?;
    if listed.status == 0 && !listed.stdout.is_empty() {
        finish(client(home).args(["rm", "--force"]).args(listed.stdout.split_whitespace()), b"")?;
    }
    Ok(())
}

/// Ends the daemon that the pid file names, if that number still is that daemon.
fn stop(home: &Home, daemon: &str) {
    let pid =
        fs::read_to_string(home.pid_file(daemon)).ok().and_then(|text| text.trim().parse().ok());
    let Some(pid) = pid else { return };
    if command_line(pid).iter().any(|word| word.contains(&*home.path().to_string_lossy())) {
        end(pid, Signal::SIGTERM);
    }
}

/// Signals a process and waits for its end; a daemon that ignores SIGTERM is killed.
fn end(pid: i32, signal: Signal) {
    let target = Pid::from_raw(pid);
    // Gone already is what we want.
    let _ = kill(target, signal);
    let started = Instant::now();
    while alive(pid) {
        if started.elapsed() > GRACE {
            let _ = kill(target, Signal::SIGKILL);
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Neither gone nor a zombie.
fn alive(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which may hold anything but ends with the last parenthesis (proc(5)).
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Every process with `path` among its arguments: the engine's containerd shims.
fn processes_naming(path: &Path) -> Vec<i32> {
    let path = path.to_string_lossy();
    pids().filter(|&pid| command_line(pid).iter().any(|word| *word == path)).collect()
}

/// Every process in the control group of this engine's containers.
#[must_use]
pub fn container_processes(home: &Home) -> Vec<i32> {
    let group = format!(":{}/", home.cgroup());
    pids()
        .filter(|pid| {
            fs::read_to_string(format!("/proc/{pid}/cgroup"))
                .is_ok_and(|text| text.contains(&group))
        })
        .collect()
}

/// Every process that runs `program`.
#[must_use]
pub fn processes_running(program: &Path) -> Vec<i32> {
    pids()
        .filter(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program))
        .collect()
}

fn pids() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn command_line(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Mount points below `folder`, the innermost first.
///
/// # Errors
/// The list of mounts cannot be read.
pub fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    // The fifth word is the mount point (proc(5)).
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    let mut below: Vec<_> = points.filter(|point| point.starts_with(folder)).collect();
    below.reverse();
    Ok(below)
}

/// The engine's control group in every hierarchy where it exists.
#[must_use]
pub fn cgroups(home: &Home) -> Vec<PathBuf> {
    cgroups_named(&home.cgroup())
}

/// A control group of this path in every hierarchy where it exists.
#[must_use]
pub fn cgroups_named(path: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let name = path.trim_start_matches('/');
    let below = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(root.to_path_buf())
        .chain(below)
        .map(|folder| folder.join(name))
        .filter(|path| path.is_dir())
        .collect()
}

/// Removes a control group and those below it. One that still has processes stays, and shows in the leak tests.
///
/// Podman makes groups for controllers that the kernel does not have, too: there they are plain folders with plain files. The files
/// of a real group cannot be removed and go with it.
pub fn remove_cgroup(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&entry.path());
        } else {
            drop(fs::remove_file(entry.path()));
        }
    }
    let started = Instant::now();
    // A killed process leaves its group a moment after it is gone.
    while let Err(error) = fs::remove_dir(folder) {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EBUSY) if started.elapsed() < GRACE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            // Where a hierarchy is not mounted, Podman makes plain folders and files; a group is never "not empty".
            Some(Errno::ENOTEMPTY) => return drop(fs::remove_dir_all(folder)),
            _ => return,
        }
    }
}
