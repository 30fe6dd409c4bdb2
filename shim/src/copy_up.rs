//! The mount option `tmpcopyup`, by which Podman asks for a tmpfs with the contents of the folder below it. libcontainer does not
//! know it. Over an empty folder it means nothing, and is left out.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use oci_spec::runtime::Spec;

const OPTION: &str = "tmpcopyup";

/// The option cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub enum CopyUpError {
    #[error("cannot look at {destination} in the root file system")]
    Look { destination: PathBuf, source: Errno },
    #[error(
        "a tmpfs on {0} with the contents of that folder (mount option {OPTION}) is not supported; \
         the option notmpcopyup gives an empty one"
    )]
    Contents(PathBuf),
}

/// Takes the option out of every mount where it means nothing.
pub fn settle(spec: &mut Spec, rootfs: &Path) -> Result<(), CopyUpError> {
    let mut mounts = spec.mounts().clone().unwrap_or_default();
    for mount in &mut mounts {
        let mut options = mount.options().clone().unwrap_or_default();
        let before = options.len();
        options.retain(|option| option != OPTION);
        if options.len() < before {
            ensure_empty(rootfs, mount.destination())?;
            mount.set_options(Some(options));
        }
    }
    spec.set_mounts(Some(mounts));
    Ok(())
}

/// The image is not trusted: a link in it leads nowhere outside of it (`RESOLVE_IN_ROOT`, openat2(2)).
fn ensure_empty(rootfs: &Path, destination: &Path) -> Result<(), CopyUpError> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let folder =
        open(rootfs, flags, Mode::empty()).and_then(|root| openat2(&root, destination, how));
    let look = |source| CopyUpError::Look { destination: destination.to_owned(), source };
    let folder = match folder {
        Err(Errno::ENOENT) => return Ok(()),
        folder => folder.map_err(look)?,
    };
    let entries = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    match entries.map_err(|error| look(Errno::from_raw(error.raw_os_error().unwrap_or(0))))?.next()
    {
        None => Ok(()),
        Some(_) => Err(CopyUpError::Contents(destination.to_owned())),
    }
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
            settle(&mut spec, root.path()).unwrap();
            let mounts = spec.mounts().clone().unwrap();
            assert_eq!(mounts[0].options(), &Some(vec!["nosuid".to_owned()]));
        }
        fs::write(root.path().join("tmp/file"), "").unwrap();
        let error = settle(&mut spec("/tmp"), root.path()).unwrap_err();
        assert!(matches!(error, CopyUpError::Contents(path) if path == Path::new("/tmp")));
    }
}
