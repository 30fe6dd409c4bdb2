//! The mount option `tmpcopyup`, by which Podman asks for a tmpfs with the contents of the folder below it. libcontainer does not
//! know it.
//!
//! Over an empty folder it means nothing, and is left out. Otherwise the tmpfs is made and filled by us, in a mount
//! namespace of our own, where it needs no cleaning up, and the container gets it as a bind mount.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use oci_spec::runtime::{Mount, Spec};

const OPTION: &str = "tmpcopyup";

/// What a bind mount takes of a tmpfs's options; the others are the file system's own.
const OF_THE_MOUNT: [&str; 13] = [
    "ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "private", "rprivate", "slave",
    "rslave", "noatime",
];

/// The option cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub enum CopyUpError {
    #[error("cannot look at {destination} in the root file system")]
    Look { destination: PathBuf, source: Errno },
    #[error("cannot have a mount namespace")]
    Unshare(#[source] Errno),
    #[error("cannot make the tmpfs for {destination}: {step} fails: {message}")]
    Make { destination: PathBuf, step: &'static str, message: String },
}

/// Settles the option for every mount that has it; `folder` is ours.
pub fn settle(spec: &mut Spec, rootfs: &Path, folder: &Path) -> Result<(), CopyUpError> {
    let mut mounts = spec.mounts().clone().unwrap_or_default();
    let mut alone = false;
    for (number, mount) in mounts.iter_mut().enumerate() {
        let mut options = mount.options().clone().unwrap_or_default();
        let before = options.len();
        options.retain(|option| option != OPTION);
        if options.len() == before {
            continue;
        }
        mount.set_options(Some(options));
        if let Some(contents) = contents(rootfs, mount.destination())? {
            if !std::mem::replace(&mut alone, true) {
                be_alone(mount)?;
            }
            fill(mount, &contents, &folder.join(format!("copy-up-{number}")))?;
        }
    }
    spec.set_mounts(Some(mounts));
    Ok(())
}

/// The folder below a mount, if there is something in it. The image is not trusted: a link in it leads nowhere outside of it
/// (`RESOLVE_IN_ROOT`, openat2(2)).
fn contents(rootfs: &Path, destination: &Path) -> Result<Option<OwnedFd>, CopyUpError> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let folder =
        open(rootfs, flags, Mode::empty()).and_then(|root| openat2(&root, destination, how));
    let look = |source| CopyUpError::Look { destination: destination.to_owned(), source };
    let folder = match folder {
        Err(Errno::ENOENT) => return Ok(None),
        folder => folder.map_err(look)?,
    };
    let entries = fs::read_dir(path_of(&folder));
    let error = |error: std::io::Error| look(Errno::from_raw(error.raw_os_error().unwrap_or(0)));
    Ok(entries.map_err(error)?.next().map(|_| folder))
}

fn path_of(folder: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", folder.as_raw_fd()).into()
}

/// What we mount from here on nobody else sees, and it is gone with us and the container.
fn be_alone(mount: &Mount) -> Result<(), CopyUpError> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(CopyUpError::Unshare)?;
    run(mount, "mount", Command::new("mount").args(["--make-rslave", "/"]))
}

/// Makes the tmpfs, copies the contents with all that belongs to them, and turns the mount into a bind of it.
fn fill(mount: &mut Mount, contents: &OwnedFd, place: &Path) -> Result<(), CopyUpError> {
    let options = mount.options().clone().unwrap_or_default();
    let (of_the_mount, own): (Vec<_>, Vec<_>) =
        options.into_iter().partition(|option| OF_THE_MOUNT.contains(&option.as_str()));
    run(mount, "mkdir", Command::new("mkdir").arg(place))?;
    let own = own.iter().map(String::as_str).chain(["rw"]).collect::<Vec<_>>().join(",");
    run(
        mount,
        "mount",
        Command::new("mount").args(["-t", "tmpfs", "-o", &own, "tmpfs"]).arg(place),
    )?;
    // Its standard input is the folder: the descriptor has another number there.
    let copy = ["--archive", "/proc/self/fd/0/."];
    let folder = contents.try_clone().map_err(|_| CopyUpError::Unshare(Errno::EMFILE))?;
    run(mount, "cp", Command::new("cp").args(copy).arg(place).stdin(Stdio::from(folder)))?;
    mount.set_typ(Some("bind".to_owned())).set_source(Some(place.to_owned()));
    mount.set_options(Some(of_the_mount.into_iter().chain(["bind".to_owned()]).collect()));
    Ok(())
}

fn run(mount: &Mount, step: &'static str, command: &mut Command) -> Result<(), CopyUpError> {
    let failed = |message| {
        let destination = mount.destination().clone();
        CopyUpError::Make { destination, step, message }
    };
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(destination: &str) -> Spec {
        let mut spec = Spec::default();
        let mount = serde_json::json!([{"destination": destination, "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "tmpcopyup"]}]);
        spec.set_mounts(serde_json::from_value(mount).unwrap());
        spec
    }

    #[test]
    fn over_an_empty_or_missing_folder_it_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        for destination in ["/tmp", "/run"] {
            let mut spec = spec(destination);
            settle(&mut spec, root.path(), Path::new("/nonexistent")).unwrap();
            let mounts = spec.mounts().clone().unwrap();
            assert_eq!(mounts[0].options(), &Some(vec!["nosuid".to_owned()]));
        }
        fs::write(root.path().join("tmp/file"), "").unwrap();
        assert!(contents(root.path(), Path::new("/tmp")).unwrap().is_some());
        let link = std::os::unix::fs::symlink("/etc", root.path().join("link"));
        link.unwrap();
        assert!(contents(root.path(), Path::new("/link")).unwrap().is_none(), "not the host's");
    }
}
