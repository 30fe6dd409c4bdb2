//! How each call takes its file names.

use super::open;
use crate::identity::Who;
use crate::notification::Notification;
use crate::request::OpenHow;
use crate::resolve::{Aim, Name};
use nix::fcntl::ResolveFlag;
use policy::registry::{FormId, Links, Source};
use std::ffi::CString;

/// The calls whose every name is a place in a folder: no link at its end is followed, whatever it is.
const PLACES: &[&str] = &[
    "bind",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
];

/// The register with the `AT_*` flags of the calls that know `AT_EMPTY_PATH`.
const EMPTY_PATH_FLAGS: &[(&str, u8)] = &[
    ("execveat", 4),
    ("faccessat2", 3),
    ("fchmodat2", 3),
    ("fchownat", 4),
    ("linkat", 4),
    ("name_to_handle_at", 4),
    ("newfstatat", 3),
    ("statx", 2),
    ("utimensat", 3),
];

/// The question that a call asks with one of its names: `source` is the name's row in the registry, `path` its text, read once.
#[must_use]
pub fn asked(
    notification: &Notification,
    form: FormId,
    how: Option<&OpenHow>,
    (source, path): (Source, CString),
) -> Name {
    let call = form.call().name;
    let (dirfd, argument, links) = match source {
        Source::Path { dirfd, path, links } => (dirfd, path, links),
        Source::Descriptor(register) => (Some(register), register, Links::Follow),
        _ => (None, 0, Links::Keep),
    };
    let follow = follows(links, notification, how);
    let dirfd = dirfd.map_or(libc::AT_FDCWD, |register| notification.int(register));
    Name {
        dirfd,
        path,
        aim: aim(call, argument, follow, open::flags(call, notification, how)),
        who: who(call, notification),
        or_descriptor: or_descriptor(call, notification),
        restrictions: ResolveFlag::from_bits_retain(how.map_or(0, |how| how.resolve)),
    }
}

fn follows(links: Links, notification: &Notification, how: Option<&OpenHow>) -> bool {
    let set = |argument: u8, flags| notification.arguments[usize::from(argument)] & flags != 0;
    match links {
        Links::Follow => true,
        Links::Keep => false,
        Links::FollowUnless { argument, flags } => !set(argument, flags),
        Links::KeepUnless { argument, flags } => set(argument, flags),
        Links::OpenHow(_) => how.is_none_or(|how| how.flags & libc::O_NOFOLLOW as u64 == 0),
    }
}

fn aim(call: &str, argument: u8, follow: bool, flags: Option<i32>) -> Aim {
    let second_of_link = matches!((call, argument), ("link", 1) | ("linkat", 3));
    match flags {
        Some(flags) if open::creates(flags) => {
            Aim::Creation { follow: follow && flags & libc::O_EXCL == 0 }
        }
        _ if second_of_link || PLACES.contains(&call) => Aim::Entry,
        _ => Aim::Object { follow },
    }
}

fn who(call: &str, notification: &Notification) -> Who {
    let effective = notification.int(3) & libc::AT_EACCESS != 0;
    match call {
        "access" | "faccessat" => Who::Real,
        "faccessat2" if !effective => Who::Real,
        _ => Who::Effective,
    }
}

fn or_descriptor(call: &str, notification: &Notification) -> bool {
    let flagged = |argument: u8| notification.int(argument) & libc::AT_EMPTY_PATH != 0;
    let null = |argument: usize| notification.arguments[argument] == 0;
    call == "readlinkat"
        || call == "fanotify_mark" && null(4)
        || EMPTY_PATH_FLAGS.iter().any(|(name, argument)| *name == call && flagged(*argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_may_be_missing_but_an_exclusive_one_follows_no_link() {
        assert_eq!(aim("open", 0, true, Some(libc::O_CREAT)), Aim::Creation { follow: true });
        let exclusive = Some(libc::O_CREAT | libc::O_EXCL);
        assert_eq!(aim("open", 0, true, exclusive), Aim::Creation { follow: false });
        let path = Some(libc::O_CREAT | libc::O_PATH);
        assert_eq!(aim("open", 0, true, path), Aim::Object { follow: true });
    }

    #[test]
    fn only_the_new_name_of_a_link_is_a_place() {
        assert_eq!(aim("linkat", 1, false, None), Aim::Object { follow: false });
        assert_eq!(aim("linkat", 3, false, None), Aim::Entry);
        assert_eq!(aim("rename", 0, false, None), Aim::Entry);
    }
}
