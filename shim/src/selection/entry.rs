//! The container's entry program, found before the container exists.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2, readlink};
use nix::sys::stat::Mode;
use oci_spec::runtime::Process;

use crate::workload::search::path_variable;

/// What the first process executes, as paths inside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProgram {
    /// As the engine names it, or as found in `PATH`.
    pub named: PathBuf,
    /// With every symbolic link resolved; the same as `named` if it is not in the root file system (a
    /// volume may hold it).
    pub resolved: PathBuf,
}

impl EntryProgram {
    /// Looks for the program in the root file system. It is only looked at: a symbolic link in it cannot
    /// lead out (`RESOLVE_IN_ROOT`, openat2(2)).
    pub fn locate(rootfs: &Path, process: &Process) -> Self {
        let name = process.args().as_ref().and_then(|args| args.first());
        let name = name.map(String::as_str).unwrap_or_default();
        let found = candidates(name, process)
            .into_iter()
            .find_map(|named| Some((resolve_program(rootfs, &named)?, named)));
        match found {
            Some((resolved, named)) => Self { named, resolved },
            None => {
                let named = lexical(process.cwd(), Path::new(name));
                Self { resolved: named.clone(), named }
            }
        }
    }
}

impl EntryProgram {
    /// Whether this path leads to the program, too.
    pub fn is(&self, rootfs: &Path, path: &str) -> bool {
        path.starts_with('/')
            && resolve_program(rootfs, Path::new(path)).as_ref() == Some(&self.resolved)
    }
}

fn candidates(name: &str, process: &Process) -> Vec<PathBuf> {
    if name.contains('/') {
        return vec![lexical(process.cwd(), Path::new(name))];
    }
    let folders = path_variable(process).split(':');
    folders.map(|folder| lexical(process.cwd(), &Path::new(folder).join(name))).collect()
}

/// An absolute path without `.` and `..`.
fn lexical(folder: &Path, path: &Path) -> PathBuf {
    let mut whole = PathBuf::from("/");
    for part in folder.join(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::ParentDir => {
                whole.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    whole
}

fn resolve_program(rootfs: &Path, path: &Path) -> Option<PathBuf> {
    let root =
        open(rootfs, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = openat2(&root, path, how).ok()?;
    let inside =
        name_of(&file)?.strip_prefix(name_of(&root)?).ok().map(|path| Path::new("/").join(path));
    let kind = File::from(file).metadata().ok()?;
    inside.filter(|_| kind.is_file())
}

fn name_of(descriptor: &OwnedFd) -> Option<PathBuf> {
    readlink(format!("/proc/self/fd/{}", descriptor.as_raw_fd()).as_str()).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn process(args: &[&str]) -> Process {
        let mut process = Process::default();
        process
            .set_args(Some(args.iter().map(|text| (*text).to_owned()).collect()))
            .set_env(Some(vec!["PATH=/bin:/usr/bin".into()]))
            .set_cwd("/work".into());
        process
    }

    fn rootfs() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
        fs::write(folder.path().join("usr/bin/dash"), "").unwrap();
        symlink("/usr/bin", folder.path().join("bin")).unwrap();
        symlink("dash", folder.path().join("usr/bin/sh")).unwrap();
        symlink("/../../../../etc/passwd", folder.path().join("usr/bin/out")).unwrap();
        folder
    }

    #[test]
    fn links_are_resolved_inside_the_root() {
        let rootfs = rootfs();
        let entry = EntryProgram::locate(rootfs.path(), &process(&["sh", "-c", "true"]));
        assert_eq!(entry.named, Path::new("/bin/sh"));
        assert_eq!(entry.resolved, Path::new("/usr/bin/dash"));
        assert!(entry.is(rootfs.path(), "/usr/bin/sh") && !entry.is(rootfs.path(), "/usr/bin/out"));
    }

    #[test]
    fn what_is_not_in_the_root_keeps_its_name() {
        let rootfs = rootfs();
        for (name, named) in
            [("out", "/work/out"), ("../volume/tool", "/volume/tool"), ("/x/./y", "/x/y")]
        {
            let entry = EntryProgram::locate(rootfs.path(), &process(&[name]));
            assert_eq!(entry.named, Path::new(named));
            assert_eq!(entry.resolved, entry.named);
        }
    }
}
