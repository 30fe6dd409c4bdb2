//! From a name in the caller's memory to descriptors in our hands.
//!
//! The name is read once and resolved once, by a thread in the caller's root with the caller's credentials. What comes out
//! is the name that rules compare and descriptors for what bears it; handlers act through these and never by name.
//!
//! Most names cost one openat2(2) that refuses magic links (`quick`). Where the answer could depend on who asks, that is
//! for everything in proc(5) and for every failure, the name is walked by hand (`walk`).

mod jail;
mod label;
mod long;
mod mounts;
mod procfs;
mod protected;
mod quick;
mod walk;

pub use jail::{Jail, remember};
pub use mounts::Mounts;
pub use protected::may_reuse;

use crate::caller::Caller;
use crate::identity::Who;
use crate::notification::Denial;
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// What a call wants with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// What it reaches: stat(2), open(2) without `O_CREAT`, truncate(2), …
    Object {
        /// A symbolic link at the end is followed.
        follow: bool,
    },
    /// What it reaches, or the free place where it would be created: open(2) with `O_CREAT`.
    Creation {
        /// A symbolic link at the end is followed.
        follow: bool,
    },
    /// The place itself, free or not: mkdir(2), unlink(2), rename(2), … No link at the end is followed.
    Entry,
}

/// A name as the caller gave it, and how the call takes it.
#[derive(Debug, Clone)]
pub struct Name {
    /// The descriptor that a relative name starts from; `AT_FDCWD` for the working directory.
    pub dirfd: i32,
    /// The bytes.
    pub path: CString,
    /// What the call wants.
    pub aim: Aim,
    /// Whose permissions count.
    pub who: Who,
    /// The empty name means the descriptor itself (`AT_EMPTY_PATH`).
    pub or_descriptor: bool,
    /// `RESOLVE_*` of openat2(2).
    pub restrictions: ResolveFlag,
}

/// A name after every link was followed that the kernel would follow.
#[derive(Debug)]
pub struct Resolved {
    /// The absolute name in the container that rules compare.
    pub name: Vec<u8>,
    /// What bears it.
    pub found: Found,
    asked: Name,
}

/// What a name leads to.
#[derive(Debug)]
pub enum Found {
    /// Something that exists.
    Object(Object),
    /// A place in a folder: for [`Aim::Entry`], and for [`Aim::Creation`] if it is free.
    Entry(Entry),
    /// The kernel's error. It is given only after the name was judged, so that a denied name does not tell whether it exists.
    Nothing(Errno),
}

/// Something that exists.
#[derive(Debug)]
pub struct Object {
    /// Opened with `O_PATH`.
    pub fd: OwnedFd,
    /// Its status when it was found.
    pub status: FileStat,
    /// How its text is read, if it is a symbolic link.
    pub text: LinkText,
}

/// Where the text of a symbolic link comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkText {
    /// The link itself, with the caller's permissions.
    Link,
    /// The link itself; it is the caller's own magic link, which the kernel always lets it read.
    Own,
    /// `/proc/self` and its like: the kernel would tell our numbers, the caller must see its own.
    Fixed(Vec<u8>),
}

/// A place in a folder.
#[derive(Debug)]
pub struct Entry {
    /// The folder, opened with `O_PATH`.
    pub folder: OwnedFd,
    /// The last component with its trailing slashes; never contains a folder before it.
    pub last: CString,
}

impl Object {
    /// Takes stock of a descriptor.
    ///
    /// # Errors
    /// What fstat(2) lists.
    pub fn new(fd: OwnedFd, text: LinkText) -> Result<Self, Errno> {
        let status = fstat(&fd)?;
        Ok(Self { fd, status, text })
    }

    /// `S_IFMT` of its mode.
    #[must_use]
    pub fn kind(&self) -> SFlag {
        kind(&self.status)
    }
}

impl Resolved {
    /// What a descriptor of ours refers to, found in place of what was asked.
    ///
    /// # Errors
    /// A refusal if it has no name that rules could compare.
    pub fn of(fd: OwnedFd, asked: Name) -> Result<Self, Denial> {
        let name = label::label(fd.as_fd())?;
        let name = name.ok_or_else(|| Denial::because("what was reached has no name"))?;
        Ok(Self { name, found: Found::Object(Object::new(fd, LinkText::Link)?), asked })
    }

    /// The name as the caller gave it.
    #[must_use]
    pub fn asked(&self) -> &Name {
        &self.asked
    }

    /// The name was empty, and what was found is the descriptor that stood before it.
    #[must_use]
    pub fn is_descriptor(&self) -> bool {
        self.asked.path.is_empty()
    }

    /// What the name reached.
    ///
    /// # Errors
    /// The kernel's error if it reached nothing.
    pub fn object(&self) -> Result<&Object, Errno> {
        match &self.found {
            Found::Object(object) => Ok(object),
            Found::Entry(_) => Err(Errno::ENOENT),
            Found::Nothing(errno) => Err(*errno),
        }
    }

    /// The place that the name means.
    ///
    /// # Errors
    /// The kernel's error if there is no such folder.
    pub fn entry(&self) -> Result<&Entry, Errno> {
        match &self.found {
            Found::Entry(entry) => Ok(entry),
            Found::Object(_) => Err(Errno::EEXIST),
            Found::Nothing(errno) => Err(*errno),
        }
    }

    /// Resolves the same text again after the file system changed under us.
    ///
    /// # Errors
    /// A refusal if it now has another name: that one was not judged.
    pub fn again(&self, worker: &mut Worker, caller: &Caller<'_>) -> Result<Self, Denial> {
        let next = resolve(worker, caller, self.asked.clone())?;
        if next.name == self.name {
            Ok(next)
        } else {
            Err(Denial::because("the name led elsewhere after it was judged"))
        }
    }
}

/// How often a name is resolved anew while others change it.
pub const ATTEMPTS: usize = 16;

/// Where a walk ended; `None` means that something changed meanwhile.
type Outcome = Result<Option<(Vec<u8>, Found)>, Denial>;

/// Resolves a name as the kernel would for this caller.
///
/// # Errors
/// The error that the caller's own call would get, or a refusal.
pub fn resolve(worker: &mut Worker, caller: &Caller<'_>, asked: Name) -> Result<Resolved, Denial> {
    let start = start(caller, &asked)?;
    let acting = worker.identity.act_as(caller, asked.who)?;
    for _ in 0..ATTEMPTS {
        let walk = || walk::walk(&acting, caller, &asked, start.as_ref());
        let outcome = match quick::resolve(&asked, start.as_ref(), &mut worker.mounts)? {
            None => walk()?,
            found => found,
        };
        if let Some((name, found)) = outcome {
            return Ok(Resolved { name, found, asked });
        }
    }
    Err(Denial::because("the name changed each time it was resolved"))
}

/// Where the name starts; `None` for an absolute name, which starts at the root.
fn start(caller: &Caller<'_>, name: &Name) -> Result<Option<OwnedFd>, Denial> {
    let absolute = name.path.to_bytes().starts_with(b"/");
    // RESOLVE_IN_ROOT makes the descriptor the root.
    if absolute && !name.restrictions.contains(ResolveFlag::RESOLVE_IN_ROOT) {
        Ok(None)
    } else if name.dirfd == libc::AT_FDCWD {
        caller.cwd().map(Some)
    } else {
        caller.descriptor(name.dirfd).map(Some)
    }
}

/// Opens one name with `O_PATH`, magic links refused.
fn open_path(
    start: Option<BorrowedFd<'_>>,
    path: &CStr,
    flags: OFlag,
    restrictions: ResolveFlag,
) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(restrictions | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(start.unwrap_or(AT_FDCWD), path, how)
}

/// Opens one component as it is, the last link not followed.
fn open_component(folder: BorrowedFd<'_>, component: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(folder, component, flags, Mode::empty())
}

fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & libc::S_IFMT)
}

/// The number of a descriptor as it stands in `/proc/self/fd`.
#[must_use]
pub fn number(fd: BorrowedFd<'_>) -> String {
    fd.as_raw_fd().to_string()
}
