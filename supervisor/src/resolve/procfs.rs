//! proc(5): the one file system whose content depends on who looks, and which shows us to the workload.
//!
//! `/proc/self` must name the caller and not us; the caller's magic links are its own; and our own folder must stay closed: the
//! kernel lets a thread of ours do there what it lets nobody else do, whatever credentials that thread acts with.

use super::open_component;
use crate::caller::Caller;
use crate::host;
use crate::identity::Acting;
use crate::notification::Denial;
use crate::sys::files::{file_system, place};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fstat};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Where a walk is, as far as proc(5) is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scene {
    /// In another file system.
    Elsewhere,
    /// In the root folder of a proc(5).
    Root,
    /// In or below the caller's own folder, which has this label.
    Own(Vec<u8>),
    /// In or below another process's folder.
    Other,
    /// In or below what belongs to no process.
    System,
}

/// The inode number of every proc(5)'s root (linux/proc_ns.h, `PROC_ROOT_INO`).
const ROOT_INODE: u64 = 1;

/// Who looks at proc(5).
#[derive(Debug, Clone, Copy)]
pub(super) struct Viewer<'v> {
    pub(super) acting: &'v Acting<'v>,
    pub(super) caller: &'v Caller<'v>,
}

impl Viewer<'_> {
    /// The scene after a step from a folder to one of its components.
    pub(super) fn step(
        self,
        before: &Scene,
        folder: BorrowedFd<'_>,
        fd: BorrowedFd<'_>,
        up: bool,
    ) -> Result<Scene, Denial> {
        if !file_system(fd)?.is_proc {
            return Ok(Scene::Elsewhere);
        }
        if up || *before == Scene::Elsewhere || mount(folder)? != mount(fd)? {
            return self.locate(fd);
        }
        match before {
            Scene::Root => self.below_root(fd),
            inside => Ok(inside.clone()),
        }
    }

    /// Finds out where in a proc(5) a folder is, by going up to its root.
    pub(super) fn locate(self, fd: BorrowedFd<'_>) -> Result<Scene, Denial> {
        if !file_system(fd)?.is_proc {
            return Ok(Scene::Elsewhere);
        }
        if fstat(fd)?.st_ino == ROOT_INODE {
            return Ok(Scene::Root);
        }
        let mount_id = mount(fd)?;
        let mut below = fd.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
        loop {
            let above = self.acting.with_our_powers(|| open_component(below.as_fd(), c".."));
            match above {
                Ok(above) if mount(above.as_fd())? == mount_id => {
                    if fstat(&above)?.st_ino == ROOT_INODE {
                        return self.below_root(below.as_fd());
                    }
                    below = above;
                }
                Ok(_) | Err(Errno::ENOTDIR) => return self.below_mount(mount_id),
                Err(_) => return Err(unknown()),
            }
        }
    }

    /// Part of a proc(5), mounted by itself, as runtimes do with `/proc/sys`: mountinfo (proc_pid_mountinfo(5)) says which
    /// part. Whose a process's part is would have to be guessed from a number, so it is refused.
    fn below_mount(self, mount_id: u64) -> Result<Scene, Denial> {
        let folder = self.caller.folder()?;
        let table = self.acting.with_our_powers(|| read(folder, c"mountinfo"))?;
        let id = mount_id.to_string();
        let line = table.lines().map(|line| line.split(' ')).find_map(|mut fields| {
            (fields.next() == Some(id.as_str())).then(|| fields.nth(2)).flatten()
        });
        let first = line.and_then(|root| root.split('/').nth(1)).ok_or_else(unknown)?;
        if first.is_empty() || first.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unknown());
        }
        self.system()
    }

    fn system(self) -> Result<Scene, Denial> {
        self.acting.enter_namespaces(self.caller)?;
        Ok(Scene::System)
    }

    /// Tells whose a folder in the root of a proc(5) is.
    fn below_root(self, fd: BorrowedFd<'_>) -> Result<Scene, Denial> {
        let Some(process) = self.process(fd)? else { return self.system() };
        if process == self.ourselves()? {
            return Err(Errno::EACCES.into());
        }
        if process != self.callers()? {
            return Ok(Scene::Other);
        }
        let label = super::label::label(fd)?.ok_or_else(unknown)?;
        Ok(Scene::Own(label))
    }

    /// The process whose folder this is, if it is one's.
    fn process(self, folder: BorrowedFd<'_>) -> Result<Option<Process>, Denial> {
        self.acting.with_our_powers(|| match read(folder, c"status") {
            Ok(text) => Process::of(&text, folder).map(Some),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(Errno::ESRCH) => Err(Errno::ENOENT.into()),
            Err(errno) => Err(errno.into()),
        })
    }

    fn callers(self) -> Result<Process, Denial> {
        let number = self.caller.status()?.inner_tgid().ok_or_else(unknown)?.0;
        let namespace = self.caller.namespace("ns/pid")?;
        Ok(Process { number, namespace })
    }

    fn ourselves(self) -> Result<Process, Denial> {
        let namespace = self.acting.with_our_powers(|| readlinkat(host::proc(), "self/ns/pid"))?;
        Ok(Process { number: std::process::id() as i32, namespace })
    }

    /// What `self` or `thread-self` in this proc(5) would be for the caller; ENOENT if it does not show the caller.
    pub(super) fn own_numbers(self, root: BorrowedFd<'_>, thread: bool) -> Result<Vec<u8>, Denial> {
        let status = self.caller.status()?;
        for (tgid, tid) in status.ns_tgid.iter().zip(&status.ns_tid).rev() {
            let process = tgid.to_string();
            let Ok(folder) = open_folder(root, &process) else { continue };
            if self.process(folder.as_fd())? == Some(self.callers()?) {
                let task = if thread { format!("/task/{tid}") } else { String::new() };
                return Ok((process + &task).into_bytes());
            }
        }
        Err(Errno::ENOENT.into())
    }
}

/// A process as nobody can feign it: its pid namespace and its number therein.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    namespace: std::ffi::OsString,
    number: i32,
}

impl Process {
    /// From the text of its `status`. A process that is being reaped has no namespace any more, and that of one which we may
    /// not trace is hidden: neither is the caller or ourselves.
    fn of(status: &str, folder: BorrowedFd<'_>) -> Result<Self, Denial> {
        let numbers = status.lines().find_map(|line| line.strip_prefix("NStgid:"));
        let number = numbers.and_then(|numbers| numbers.split_ascii_whitespace().last());
        let number = number.and_then(|number| number.parse().ok()).ok_or_else(unknown)?;
        let namespace = match readlinkat(folder, "ns/pid") {
            Err(Errno::ENOENT | Errno::ESRCH | Errno::EACCES) => std::ffi::OsString::new(),
            other => other?,
        };
        Ok(Self { namespace, number })
    }
}

fn mount(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    Ok(place(fd, c"")?.mount)
}

fn open_folder(root: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(root, name, flags, Mode::empty())
}

fn read(folder: BorrowedFd<'_>, name: &CStr) -> Result<String, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = openat(folder, name, flags, Mode::empty())?;
    let text = host::contents(fd).map_err(|_| Errno::ESRCH)?;
    // Names of threads and of mounts may be any bytes; what is looked for here is ASCII, and nothing is taken for ASCII that is not.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn unknown() -> Denial {
    Denial::because("part of a proc file system, and whose cannot be told")
}
