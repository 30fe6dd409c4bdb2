//! How each call takes its file names: as something to reach, as a place, or as a place to create.

use crate::identity::Who;
use crate::notification::Denial;
use crate::resolve::{Aim, Name};
use crate::snapshot::Snapshot;
use nix::fcntl::{OFlag, ResolveFlag};
use policy::registry::{Links, Source};
use std::ffi::CString;

/// The name that a parameter of a call stands for.
///
/// # Errors
/// What the caller's own call would get for a bad pointer.
pub fn name(snapshot: &Snapshot<'_>, call: &str, source: Source) -> Result<Name, Denial> {
    match source {
        Source::Path { dirfd, path, links } => {
            let dirfd = dirfd.map_or(libc::AT_FDCWD, |at| snapshot.register(at) as i32);
            let follow = follow(snapshot, links)?;
            Ok(Name {
                dirfd,
                path: snapshot.text(path)?.clone(),
                aim: aim(snapshot, call, follow)?,
                who: who(snapshot, call),
                or_descriptor: false,
                restrictions: restrictions(snapshot, call)?,
            })
        }
        Source::Descriptor(at) => Ok(Name {
            dirfd: snapshot.register(at) as i32,
            path: CString::default(),
            aim: Aim::Object { follow: true },
            who: who(snapshot, call),
            or_descriptor: true,
            restrictions: ResolveFlag::empty(),
        }),
        _ => Err(Denial::because("the parameter is no file name")),
    }
}

fn follow(snapshot: &Snapshot<'_>, links: Links) -> Result<bool, Denial> {
    let has = |argument: u8, flags: u64| snapshot.register(argument) & flags != 0;
    Ok(match links {
        Links::Follow => true,
        Links::Keep => false,
        Links::FollowUnless { argument, flags } => !has(argument, flags),
        Links::KeepUnless { argument, flags } => has(argument, flags),
        Links::OpenHow(argument) => {
            snapshot.open_how(argument)?.flags & libc::O_NOFOLLOW as u64 == 0
        }
    })
}

fn aim(snapshot: &Snapshot<'_>, call: &str, follow: bool) -> Result<Aim, Denial> {
    let flags = match call {
        "open" => snapshot.register(1),
        "openat" => snapshot.register(2),
        "openat2" => snapshot.open_how(2)?.flags,
        "creat" => libc::O_CREAT as u64,
        "mkdir" | "mkdirat" | "mknod" | "mknodat" | "rmdir" | "unlink" | "unlinkat" | "rename"
        | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat" => {
            return Ok(Aim::Entry);
        }
        _ => return Ok(Aim::Object { follow }),
    };
    let flags = OFlag::from_bits_truncate(flags as i32);
    if !flags.contains(OFlag::O_CREAT) {
        return Ok(Aim::Object { follow });
    }
    // O_EXCL: the name must be free, so a link there is not followed (open(2)).
    Ok(Aim::Creation { follow: follow && !flags.contains(OFlag::O_EXCL) })
}

/// access(2) asks for the real user, unless `AT_EACCESS` says otherwise.
fn who(snapshot: &Snapshot<'_>, call: &str) -> Who {
    match call {
        "access" | "faccessat" => Who::Real,
        "faccessat2" if snapshot.register(3) & libc::AT_EACCESS as u64 == 0 => Who::Real,
        _ => Who::Effective,
    }
}

fn restrictions(snapshot: &Snapshot<'_>, call: &str) -> Result<ResolveFlag, Denial> {
    let resolve = match call {
        "openat2" => snapshot.open_how(2)?.resolve,
        _ => 0,
    };
    ResolveFlag::from_bits(resolve).ok_or(nix::errno::Errno::EINVAL.into())
}
