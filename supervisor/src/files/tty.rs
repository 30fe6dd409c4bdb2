//! `/dev/tty` is the terminal of whoever opens it (tty(4)): ours would be none.

use crate::caller::Caller;
use crate::host;
use crate::identity::Acting;
use crate::notification::Denial;
use crate::resolve::{Object, number};
use crate::sys::files::access;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, SFlag, fstat, makedev, minor};
use std::os::fd::{AsFd, OwnedFd};

/// Whether a device is `/dev/tty`.
pub fn is_tty(object: &Object) -> bool {
    object.kind() == SFlag::S_IFCHR && object.status.st_rdev == makedev(5, 0)
}

/// Opens the caller's controlling terminal. The permissions that count are those of `/dev/tty` itself: a terminal may belong
/// to another user than the one who works on it.
pub fn open(
    acting: &Acting<'_>,
    caller: &Caller<'_>,
    tty: &Object,
    flags: OFlag,
) -> Result<OwnedFd, Denial> {
    let wanted = match flags & OFlag::O_ACCMODE {
        OFlag::O_RDONLY => libc::R_OK,
        OFlag::O_WRONLY => libc::W_OK,
        _ => libc::R_OK | libc::W_OK,
    };
    access(tty.fd.as_fd(), wanted)?;
    acting.with_our_powers(|| {
        let device = controlling_terminal(&caller.read_file("stat")?).ok_or(Errno::ENXIO)?;
        let terminal = find(device)?;
        let number = number(terminal.as_fd());
        Ok(openat(host::descriptors(), number.as_str(), flags, Mode::empty())?)
    })
}

/// The seventh field of `/proc/PID/stat` (proc_pid_stat(5)). The second may hold anything, but ends with the last `)`.
fn controlling_terminal(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let number = fields.split_ascii_whitespace().nth(4)?.parse::<i32>().ok()?;
    (number != 0).then(|| super::device_number(number as u32))
}

/// The terminal's node in the caller's root: where devpts(5) has it, or where the runtime has put a container's own.
fn find(device: u64) -> Result<OwnedFd, Denial> {
    let names = [format!("/dev/pts/{}", minor(device)), "/dev/console".to_owned()];
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    let nodes = names.iter().filter_map(|name| openat2(AT_FDCWD, name.as_str(), how).ok());
    let is_it = |node: &OwnedFd| {
        fstat(node).is_ok_and(|status| {
            status.st_rdev == device && status.st_mode & libc::S_IFMT == libc::S_IFCHR
        })
    };
    let lost = || Denial::because("the caller's terminal is not to be found in its root");
    nodes.into_iter().find(is_it).ok_or_else(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_terminal_behind_an_odd_name() {
        let stat = "7 (a) S 9 (b)) S 1 7 7 34817 7 0";
        assert_eq!(controlling_terminal(stat), Some(makedev(136, 1)));
        assert_eq!(controlling_terminal("7 (a) S 1 7 7 0 -1 0"), None);
    }
}
