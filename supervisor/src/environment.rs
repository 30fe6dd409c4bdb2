//! What a policy asks about its container: users, variables, and where its links lead.

use crate::confinement::Entry;
use crate::sys::files::place;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, readlink};
use nix::sys::stat::{SFlag, fstat};
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use policy::Environment;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// A container as seen from its root directory at the time when its first process is about to start.
#[derive(Debug)]
pub struct View {
    root: OwnedFd,
    entry: Entry,
    users: Vec<Account>,
    groups: Vec<Account>,
}

/// One line of passwd(5) or group(5).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    name: String,
    id: u32,
    home: Option<Vec<u8>>,
}

/// Longer account files are not read: an image is not trusted.
const ACCOUNTS_LIMIT: u64 = 1 << 20;

impl View {
    /// Looks at a container through its root directory.
    #[must_use]
    pub fn new(root: OwnedFd, entry: Entry) -> Self {
        let users = accounts(&read(&root, "etc/passwd").unwrap_or_default());
        let groups = accounts(&read(&root, "etc/group").unwrap_or_default());
        Self { root, entry, users, groups }
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// What a name leads to, links followed, and the name of that in the container's root.
    #[must_use]
    pub fn reach(&self, name: &[u8]) -> Option<(OwnedFd, Vec<u8>)> {
        let file = open(&self.root, Path::new(OsStr::from_bytes(name)), OFlag::O_PATH).ok()?;
        let name = self.name(&file)?;
        Some((file, name))
    }

    fn entry_user(&self) -> Option<&Account> {
        self.users.iter().find(|user| user.id == self.entry.uid)
    }
}

impl Environment for View {
    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        match name {
            "HOME" => self.entry_user()?.home.clone(),
            "USER" => self.entry_user().map(|user| user.name.clone().into_bytes()),
            "CWD" => Some(self.entry.cwd.clone()),
            _ => None,
        }
    }

    fn user(&self, name: &str) -> Option<u32> {
        self.users.iter().find(|user| user.name == name).map(|user| user.id)
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.groups.iter().find(|group| group.name == name).map(|group| group.id)
    }

    fn user_name(&self, uid: u32) -> Option<Vec<u8>> {
        let user = self.users.iter().find(|user| user.id == uid)?;
        Some(user.name.clone().into_bytes())
    }

    fn resolve(&self, path: &[u8]) -> Option<Vec<u8>> {
        let path = Path::new(OsStr::from_bytes(path));
        // The longest part that exists; what follows it cannot be a link yet.
        let (found, existing) = path
            .ancestors()
            .find_map(|part| Some((open(&self.root, part, OFlag::O_PATH).ok()?, part)))?;
        let rest = path.strip_prefix(existing).ok()?;
        let mut name = self.name(&found)?;
        if !rest.as_os_str().is_empty() {
            name = Path::new(OsStr::from_bytes(&name)).join(rest).into_os_string().into_vec();
        }
        let same = name == path.as_os_str().as_bytes();
        (!same && self.is_of_the_image(&found)?).then_some(name)
    }
}

impl View {
    /// Links are the image's, and an image is not trusted: `/tmp` must not come to mean a volume of the host because the image
    /// has a link of that name. So a link counts only where it leads within the image's own file system or to
    /// a tmpfs, as `/var/run` often does.
    fn is_of_the_image(&self, found: &OwnedFd) -> Option<bool> {
        let mount = |fd: &OwnedFd| Some(place(fd.as_fd(), c"").ok()?.mount);
        let volatile = fstatfs(found).ok()?.filesystem_type() == TMPFS_MAGIC;
        Some(volatile || mount(found)? == mount(&self.root)?)
    }

    /// The name of an open file in the container's root.
    fn name(&self, file: &OwnedFd) -> Option<Vec<u8>> {
        let name = |fd: &OwnedFd| readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()).as_str());
        let (root, file) = (name(&self.root).ok()?, name(file).ok()?);
        let below = Path::new(&file).strip_prefix(&root).ok()?;
        Some(Path::new("/").join(below).into_os_string().into_vec())
    }
}

/// Opens a path as a process in that root would, but for magic links: they lead out of it.
fn open(root: &OwnedFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(root, path, how)
}

/// A regular file's text. A FIFO in its place must not hold us up, hence `O_NONBLOCK`.
fn read(root: &OwnedFd, path: &str) -> Option<String> {
    let fd =
        open(root, Path::new(path), OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY).ok()?;
    let kind = fstat(&fd).ok()?.st_mode & libc::S_IFMT;
    if kind != SFlag::S_IFREG.bits() {
        return None;
    }
    let mut bytes = Vec::new();
    File::from(fd).take(ACCOUNTS_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `NAME:…:ID:…`: both files have the number in the third place; passwd(5) has the home in the sixth.
fn accounts(text: &str) -> Vec<Account> {
    let account = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let id = fields.get(2)?.parse().ok()?;
        let home = fields.get(5).filter(|home| !home.is_empty());
        Some(Account {
            name: (*fields.first()?).to_owned(),
            id,
            home: home.map(|home| home.as_bytes().to_vec()),
        })
    };
    text.lines().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::mount::{MsFlags, mount, umount};
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::stat::Mode;
    use std::path::PathBuf;

    /// A small root with `bin -> usr/bin`, `/etc/passwd` and a link that tries to leave.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("view-{name}-{}", std::process::id()));
            std::fs::create_dir_all(root.join("usr/bin")).unwrap();
            std::fs::create_dir_all(root.join("etc")).unwrap();
            std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
            std::os::unix::fs::symlink("../../../../usr", root.join("etc/up")).unwrap();
            let passwd = "root:x:0:0::/root:/bin/sh\nbad line\nweb:x:33:33::/var/www:\n";
            std::fs::write(root.join("etc/passwd"), passwd).unwrap();
            std::fs::write(root.join("etc/group"), "www:x:44:web\n").unwrap();
            Self(root)
        }

        fn view(&self, entry: Entry) -> View {
            let root = nix::fcntl::open(&self.0, OFlag::O_PATH, Mode::empty()).unwrap();
            View::new(root, entry)
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn links_are_resolved_inside_the_root() {
        let root = Root::new("links");
        let view = root.view(Entry::default());
        assert_eq!(view.resolve(b"/bin/ls"), Some(b"/usr/bin/ls".to_vec()));
        assert_eq!(view.resolve(b"/etc/up/bin"), Some(b"/usr/bin".to_vec()));
        assert_eq!(view.resolve(b"/usr/bin"), None);
        assert_eq!(view.resolve(b"/none/such"), None);
    }

    #[test]
    fn a_link_into_a_foreign_mount_counts_for_nothing() {
        let root = Root::new("foreign");
        std::fs::create_dir(root.0.join("volume")).unwrap();
        std::os::unix::fs::symlink("volume", root.0.join("tmp")).unwrap();
        assert_eq!(root.view(Entry::default()).resolve(b"/tmp/x"), Some(b"/volume/x".to_vec()));
        let bind = |from: &str| {
            let (from, to) = (root.0.join(from), root.0.join("volume"));
            mount(Some(&from), &to, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        };
        unshare_mounts();
        bind("usr");
        let resolved = root.view(Entry::default()).resolve(b"/tmp/x");
        umount(&root.0.join("volume")).unwrap();
        assert_eq!(resolved, None);
    }

    /// The rest of this test's thread sees mounts of its own, which end with it.
    fn unshare_mounts() {
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
        let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).unwrap();
    }

    #[test]
    fn accounts_and_variables() {
        let root = Root::new("accounts");
        let view = root.view(Entry { uid: 33, cwd: b"/srv".to_vec() });
        assert_eq!(view.variable("HOME"), Some(b"/var/www".to_vec()));
        assert_eq!(view.variable("USER"), Some(b"web".to_vec()));
        assert_eq!(view.variable("CWD"), Some(b"/srv".to_vec()));
        assert_eq!(view.user("root"), Some(0));
        assert_eq!(view.group("www"), Some(44));
        assert_eq!(view.user_name(33), Some(b"web".to_vec()));
        assert_eq!(view.user("bad line"), None);
        let view = root.view(Entry { uid: 34, cwd: vec![] });
        assert_eq!(view.variable("HOME"), None);
    }
}
