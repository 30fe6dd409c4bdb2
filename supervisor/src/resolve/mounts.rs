//! The mounts that are known not to show proc(5).

use crate::sys::files::{Look, file_system};
use nix::errno::Errno;
use std::os::fd::BorrowedFd;

/// Some mounts of other file systems. The kernel gives the number of a mount to no other, ever, and a mount keeps its file
/// system, so what was once true of one stays true.
#[derive(Debug, Default)]
pub struct Mounts {
    others: [u64; 16],
    next: usize,
}

impl Mounts {
    /// Whether what was looked at is in a proc(5).
    ///
    /// # Errors
    /// What fstatfs(2) lists.
    pub(super) fn is_proc(&mut self, fd: BorrowedFd<'_>, look: &Look) -> Result<bool, Errno> {
        // No mount has the number 0.
        let Some(mount) = look.mount.filter(|mount| *mount != 0) else {
            return Ok(file_system(fd)?.is_proc);
        };
        if self.others.contains(&mount) {
            return Ok(false);
        }
        let is_proc = file_system(fd)?.is_proc;
        if !is_proc {
            self.others[self.next % self.others.len()] = mount;
            self.next = self.next.wrapping_add(1);
        }
        Ok(is_proc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::files::look;
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn proc_is_told_from_the_rest_each_time() {
        let mut mounts = Mounts::default();
        for _ in 0..3 {
            for (path, expected) in [("/proc/version", true), ("/", false), ("/dev/null", false)] {
                let file = File::open(path).unwrap();
                let look = look(file.as_fd()).unwrap();
                assert_eq!(mounts.is_proc(file.as_fd(), &look), Ok(expected), "{path}");
            }
        }
    }
}
