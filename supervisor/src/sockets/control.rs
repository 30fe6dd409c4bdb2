//! The ancillary data of a message (cmsg(3)), translated: they name descriptors and processes by the caller's numbers, and we send.

use crate::caller::Caller;
use crate::container::Container;
use crate::notification::Denial;
use crate::sys::socket::ucred_bytes;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, OwnedFd};

/// Longest: what the kernel lets one message have if `net.core.optmem_max` is as high as anybody sets it (socket(7)).
const LONGEST: u64 = 1 << 20;

/// `struct cmsghdr` of linux/socket.h: length with this header, level, type.
const HEADER: usize = 16;

/// linux/net_scm.h, `SCM_MAX_FD`.
const MOST_DESCRIPTORS: usize = 253;

/// linux/capability.h.
const CAP_SETGID: u32 = 6;
const CAP_SETUID: u32 = 7;

/// The families whose ancillary data hold no addresses of memory.
const FAMILIES: &[i32] = &[
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
    libc::AF_PACKET,
    libc::AF_VSOCK,
];

/// What makes a packet take another way than to its address: IP options with a source route, IPv6 routing headers.
const ROUTES: &[(i32, i32)] = &[
    (libc::SOL_IP, libc::IP_RETOPTS),
    (libc::SOL_IPV6, libc::IPV6_RTHDR),
    (libc::SOL_IPV6, libc::IPV6_2292RTHDR),
];

/// Ancillary data as we may send them.
#[derive(Debug, Default)]
pub struct Control {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The descriptors that they name.
    pub held: Vec<OwnedFd>,
}

impl Control {
    /// Takes a message's ancillary data for a socket of this family. On a unix socket the caller's process and real ids are named in
    /// any case: a receiver that asks for them (`SO_PASSCRED`, unix(7)) would see ours.
    ///
    /// # Errors
    /// As the kernel says (`__scm_send`), or a refusal of what leads past the judged address.
    pub fn of(
        caller: &Caller<'_>,
        container: &Container,
        family: i32,
        bytes: Vec<u8>,
    ) -> Result<Self, Denial> {
        if !bytes.is_empty() && !FAMILIES.contains(&family) {
            return Err(Denial::because("ancillary data of this family cannot be translated"));
        }
        let mut translation =
            Translation { caller, container, bytes, held: Vec::new(), named: false };
        let end = translation.run(family)?;
        if let Some(end) = end.filter(|_| family == libc::AF_UNIX && !translation.named) {
            translation.bytes.resize(end, 0);
            translation.bytes.extend(header(HEADER + 12, libc::SOL_SOCKET, libc::SCM_CREDENTIALS));
            let status = caller.status()?;
            translation.bytes.extend(ucred_bytes(status.tgid, status.uids[0], status.gids[0]));
        }
        Ok(Self { bytes: translation.bytes, held: translation.held })
    }

    /// Reads a message's ancillary data.
    ///
    /// # Errors
    /// EFAULT, ENOBUFS.
    pub fn read(caller: &Caller<'_>, (at, length): (u64, u64)) -> Result<Vec<u8>, Denial> {
        match length {
            0 => Ok(Vec::new()),
            1..=LONGEST => caller.read_memory(at, length as usize),
            _ => Err(Errno::ENOBUFS.into()),
        }
    }

    /// `SCM_RIGHTS` alone, with all descriptors.
    #[must_use]
    pub fn rights(&self) -> Vec<u8> {
        let numbers = self.held.iter().flat_map(|fd| fd.as_raw_fd().to_ne_bytes());
        let head = header(HEADER + 4 * self.held.len(), libc::SOL_SOCKET, libc::SCM_RIGHTS);
        head.into_iter().chain(numbers).collect()
    }
}

fn header(length: usize, level: i32, kind: i32) -> Vec<u8> {
    [&length.to_ne_bytes()[..], &level.to_ne_bytes(), &kind.to_ne_bytes()].concat()
}

struct Translation<'c> {
    caller: &'c Caller<'c>,
    container: &'c Container,
    bytes: Vec<u8>,
    held: Vec<OwnedFd>,
    named: bool,
}

impl Translation<'_> {
    /// Goes through the items as the kernel does (`for_each_cmsghdr`); gives the end of the last, none if one is malformed: the
    /// kernel refuses the whole then, so no more of it is translated and no descriptor number of the caller's is left to count.
    fn run(&mut self, family: i32) -> Result<Option<usize>, Denial> {
        let mut at = 0;
        while at + HEADER <= self.bytes.len() {
            let length = usize::from_ne_bytes(self.array(at));
            if length < HEADER || length > self.bytes.len() - at {
                self.bytes.truncate(at + HEADER);
                return Ok(None);
            }
            let kind = (self.number(at + 8), self.number(at + 12));
            match kind {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    self.descriptors(family, at + HEADER, at + length)?
                }
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                    self.credentials(at + HEADER, length)?
                }
                route if ROUTES.contains(&route) => {
                    return Err(Denial::because(
                        "the message names a way of its own to its address",
                    ));
                }
                _ => {}
            }
            at += length.next_multiple_of(8);
        }
        Ok(Some(at))
    }

    /// Every number becomes one of ours; none of the caller's may stay, since it would name a descriptor of ours.
    fn descriptors(&mut self, family: i32, start: usize, end: usize) -> Result<(), Denial> {
        for at in (start..end).step_by(4).filter(|at| at + 4 <= end) {
            let number = match family {
                libc::AF_UNIX if self.held.len() < MOST_DESCRIPTORS => {
                    let fd = self.caller.duplicate(self.number(at))?;
                    let number = fd.as_raw_fd();
                    self.held.push(fd);
                    number
                }
                libc::AF_UNIX => return Err(Errno::EINVAL.into()),
                _ => -1,
            };
            self.bytes[at..at + 4].copy_from_slice(&number.to_ne_bytes());
        }
        Ok(())
    }

    /// A process may name itself and its own ids, and others with the capability (`scm_check_creds`).
    fn credentials(&mut self, at: usize, length: usize) -> Result<(), Denial> {
        if length != HEADER + 12 {
            return Err(Errno::EINVAL.into());
        }
        let status = self.caller.status()?;
        let [pid, uid, gid] = [0, 4, 8].map(|offset| self.number(at + offset));
        if Some(pid) != status.inner_tgid().map(|tgid| tgid.0) {
            const CAP_SYS_ADMIN: u32 = 21;
            return Err(match status.effective & (1 << CAP_SYS_ADMIN) {
                0 => Errno::EPERM.into(),
                _ => Denial::because("the message names another process than its sender"),
            });
        }
        let (users, groups) = self.container.ids();
        let may = |capability: u32| status.effective & (1 << capability) != 0;
        let id = |map: &crate::idmap::IdMap, number: i32, own: &[u32], capability| {
            let id = map.outside(number.cast_unsigned()).ok_or(Errno::EINVAL)?;
            if own.contains(&id) || may(capability) { Ok(id) } else { Err(Errno::EPERM) }
        };
        let uid = id(users, uid, &status.uids[..3], CAP_SETUID)?;
        let gid = id(groups, gid, &status.gids[..3], CAP_SETGID)?;
        let bytes = ucred_bytes(status.tgid, uid, gid);
        self.bytes[at..at + 12].copy_from_slice(&bytes);
        self.named = true;
        Ok(())
    }

    fn number(&self, at: usize) -> i32 {
        i32::from_ne_bytes(self.array(at))
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes[at..].first_chunk().copied().unwrap_or([0; N])
    }
}
