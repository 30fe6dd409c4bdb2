//! Which calls ask for which capability.
//!
//! The table has those capabilities only of which all calls that ask for them are known (capabilities(7), and the places in the kernel that
//! name them). All others are kept whatever a policy says: CAP_DAC_OVERRIDE or CAP_FOWNER may decide any call with a file's name,
//! CAP_FSETID every write(2), CAP_SYS_BOOT a write to a file of sysfs(5), CAP_SYS_ADMIN anything. Drivers may ask for any by read(2), write(2) or
//! ioctl(2), so a container that is given devices keeps all, too.

/// A call that asks for a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Its name.
    pub call: &'static str,
    /// Calls with these bits only; none: all.
    pub only: Option<Bits>,
}

/// `register & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    /// Which argument, from 0.
    pub argument: u8,
    /// The bits that count.
    pub mask: u64,
    /// What they are.
    pub value: u64,
}

/// A capability, and every call that asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Capability {
    /// As in linux/capability.h and config.json.
    pub name: &'static str,
    /// Its bit.
    pub number: u8,
    /// Who asks.
    pub asking: &'static [Asking],
}

const fn all(call: &'static str) -> Asking {
    Asking { call, only: None }
}

const fn int(call: &'static str, argument: u8, value: u64) -> Asking {
    Asking { call, only: Some(Bits { argument, mask: 0xffff_ffff, value }) }
}

const fn flag(call: &'static str, argument: u8, flag: u64) -> Asking {
    Asking { call, only: Some(Bits { argument, mask: flag, value: flag }) }
}

/// linux/sched.h.
const CLONE_NEWUSER: u64 = 0x1000_0000;
/// linux/fs.h.
const RENAME_WHITEOUT: u64 = 4;
/// linux/kd.h.
const KDSIGACCEPT: u64 = 0x4b4e;
/// linux/fcntl.h.
const F_SETLEASE: u64 = 1024;
const F_SETDELEG: u64 = 1040;
const AF_NETLINK: u64 = 16;

/// Sorted by number.
pub static TABLE: &[Capability] = &[
    // "make arbitrary changes to file UIDs and GIDs".
    Capability {
        name: "CAP_CHOWN",
        number: 0,
        asking: &[all("chown"), all("fchown"), all("lchown"), all("fchownat")],
    },
    // "bypass permission checks for sending signals"; ioctl_vt(2), KDSIGACCEPT. SIGIO and timers ask for none (sigio_perm, fs/fcntl.c).
    Capability {
        name: "CAP_KILL",
        number: 5,
        asking: &[
            all("kill"),
            all("tkill"),
            all("tgkill"),
            all("rt_sigqueueinfo"),
            all("rt_tgsigqueueinfo"),
            all("pidfd_send_signal"),
            int("ioctl", 1, KDSIGACCEPT),
        ],
    },
    // "arbitrary manipulations of process GIDs"; "forge GID when passing socket credentials", SCM_CREDENTIALS in unix(7); "write a
    // group ID mapping", user_namespaces(7), which only a process with a new user namespace needs.
    Capability {
        name: "CAP_SETGID",
        number: 6,
        asking: &[
            all("setgid"),
            all("setregid"),
            all("setresgid"),
            all("setfsgid"),
            all("setgroups"),
            all("sendmsg"),
            all("sendmmsg"),
            flag("clone", 0, CLONE_NEWUSER),
            all("clone3"),
            flag("unshare", 0, CLONE_NEWUSER),
            all("setns"),
        ],
    },
    // The same for users; and a set-user-ID program that is traced or shares its folders keeps its user with it
    // (cap_bprm_creds_from_file, security/commoncap.c).
    Capability {
        name: "CAP_SETUID",
        number: 7,
        asking: &[
            all("setuid"),
            all("setreuid"),
            all("setresuid"),
            all("setfsuid"),
            all("sendmsg"),
            all("sendmmsg"),
            all("execve"),
            all("execveat"),
            flag("clone", 0, CLONE_NEWUSER),
            all("clone3"),
            flag("unshare", 0, CLONE_NEWUSER),
            all("setns"),
        ],
    },
    // "bind a socket to Internet domain privileged ports": bind(2), and sctp(7)'s SCTP_SOCKOPT_BINDX_ADD. Without either no socket of
    // the container has such a port, for whose sake connect(2) and send(2) of SCTP ask again.
    Capability {
        name: "CAP_NET_BIND_SERVICE",
        number: 10,
        asking: &[all("bind"), all("setsockopt")],
    },
    // "use RAW and PACKET sockets; bind to any address for transparent proxying": to make them and their options; options of single
    // messages ask too (ip_options_get, ip6_datagram_send_ctl, __sock_cmsg_send).
    Capability {
        name: "CAP_NET_RAW",
        number: 13,
        asking: &[all("socket"), all("setsockopt"), all("sendmsg"), all("sendmmsg")],
    },
    // "bypass permission checks for operations on System V IPC objects".
    Capability {
        name: "CAP_IPC_OWNER",
        number: 15,
        asking: &[
            all("shmget"),
            all("shmat"),
            all("shmctl"),
            all("msgget"),
            all("msgsnd"),
            all("msgrcv"),
            all("msgctl"),
            all("semget"),
            all("semop"),
            all("semtimedop"),
            all("semctl"),
        ],
    },
    // "use chroot(2); change mount namespaces using setns(2)".
    Capability { name: "CAP_SYS_CHROOT", number: 18, asking: &[all("chroot"), all("setns")] },
    // "use acct(2)".
    Capability { name: "CAP_SYS_PACCT", number: 20, asking: &[all("acct")] },
    // "create special files using mknod(2)"; what stands for a removed file in an overlay is one, rename(2).
    Capability {
        name: "CAP_MKNOD",
        number: 27,
        asking: &[all("mknod"), all("mknodat"), flag("renameat2", 4, RENAME_WHITEOUT)],
    },
    // "establish leases on arbitrary files", F_SETLEASE in fcntl(2).
    Capability {
        name: "CAP_LEASE",
        number: 28,
        asking: &[int("fcntl", 1, F_SETLEASE), int("fcntl", 1, F_SETDELEG)],
    },
    // "write records to kernel auditing log": messages of a netlink(7) socket.
    Capability { name: "CAP_AUDIT_WRITE", number: 29, asking: &[int("socket", 0, AF_NETLINK)] },
    // "set arbitrary capabilities on a file": the attribute `security.capability`; "map user ID 0 in a new user namespace".
    Capability {
        name: "CAP_SETFCAP",
        number: 31,
        asking: &[
            all("setxattr"),
            all("lsetxattr"),
            all("fsetxattr"),
            all("setxattrat"),
            all("removexattr"),
            all("lremovexattr"),
            all("fremovexattr"),
            all("removexattrat"),
            flag("clone", 0, CLONE_NEWUSER),
            all("clone3"),
            flag("unshare", 0, CLONE_NEWUSER),
            all("setns"),
        ],
    },
];

/// Calls that hand capabilities around: they fail for want of any that they are about. capset(2); execve(2) of a program with file
/// capabilities ("Safety checking for capability-dumb binaries", capabilities(7)). What prctl(2) can raise must be inheritable, and
/// such a capability is kept where the container is made.
pub static HANDING: &[&str] = &["capset", "execve", "execveat"];

/// Each can make other calls without the filter seeing them.
pub static UNSEEN: &[&str] = &["io_uring_setup", "io_uring_enter", "io_uring_register"];

#[cfg(test)]
mod tests {
    use super::*;
    use policy::registry;

    #[test]
    fn every_call_is_known() {
        let asking = TABLE.iter().flat_map(|one| one.asking).map(|asking| asking.call);
        for call in asking.chain(HANDING.iter().copied()).chain(UNSEEN.iter().copied()) {
            assert!(registry::call_named(call).is_some(), "{call}");
        }
        assert!(TABLE.is_sorted_by_key(|one| one.number));
    }
}
