//! The kernel's names of the numbers that the original did not know, as they are on x86_64. Numbers
//! without a name here are printed in decimal, flags in hexadecimal.

use super::texts::{Flags, Names};

const fn names(known: &'static [(u32, &'static str)]) -> Names {
    Names { known, before: "", after: "" }
}

/// linux/sched.h. The first lies in the byte where clone(2) has its signal: unshare(2) and
/// setns(2) alone know it.
pub(super) const CLONE_FLAGS: Flags = Flags {
    known: &[
        (0x0000_0080, "CLONE_NEWTIME"),
        (0x0000_0100, "CLONE_VM"),
        (0x0000_0200, "CLONE_FS"),
        (0x0000_0400, "CLONE_FILES"),
        (0x0000_0800, "CLONE_SIGHAND"),
        (0x0000_1000, "CLONE_PIDFD"),
        (0x0000_2000, "CLONE_PTRACE"),
        (0x0000_4000, "CLONE_VFORK"),
        (0x0000_8000, "CLONE_PARENT"),
        (0x0001_0000, "CLONE_THREAD"),
        (0x0002_0000, "CLONE_NEWNS"),
        (0x0004_0000, "CLONE_SYSVSEM"),
        (0x0008_0000, "CLONE_SETTLS"),
        (0x0010_0000, "CLONE_PARENT_SETTID"),
        (0x0020_0000, "CLONE_CHILD_CLEARTID"),
        (0x0040_0000, "CLONE_DETACHED"),
        (0x0080_0000, "CLONE_UNTRACED"),
        (0x0100_0000, "CLONE_CHILD_SETTID"),
        (0x0200_0000, "CLONE_NEWCGROUP"),
        (0x0400_0000, "CLONE_NEWUTS"),
        (0x0800_0000, "CLONE_NEWIPC"),
        (0x1000_0000, "CLONE_NEWUSER"),
        (0x2000_0000, "CLONE_NEWPID"),
        (0x4000_0000, "CLONE_NEWNET"),
        (0x8000_0000, "CLONE_IO"),
    ],
};

/// `CSIGNAL` (linux/sched.h): the signal that tells the parent of the end.
pub(super) const CLONE_SIGNAL: u32 = 0xff;

/// linux/memfd.h.
pub(super) const MEMFD_FLAGS: Flags = Flags {
    known: &[
        (0x1, "MFD_CLOEXEC"),
        (0x2, "MFD_ALLOW_SEALING"),
        (0x4, "MFD_HUGETLB"),
        (0x8, "MFD_NOEXEC_SEAL"),
        (0x10, "MFD_EXEC"),
    ],
};

/// linux/prctl.h, without what belongs to other processors.
pub(super) const PRCTL_OPTIONS: Names = names(&[
    (1, "PR_SET_PDEATHSIG"),
    (2, "PR_GET_PDEATHSIG"),
    (3, "PR_GET_DUMPABLE"),
    (4, "PR_SET_DUMPABLE"),
    (7, "PR_GET_KEEPCAPS"),
    (8, "PR_SET_KEEPCAPS"),
    (13, "PR_GET_TIMING"),
    (14, "PR_SET_TIMING"),
    (15, "PR_SET_NAME"),
    (16, "PR_GET_NAME"),
    (21, "PR_GET_SECCOMP"),
    (22, "PR_SET_SECCOMP"),
    (23, "PR_CAPBSET_READ"),
    (24, "PR_CAPBSET_DROP"),
    (25, "PR_GET_TSC"),
    (26, "PR_SET_TSC"),
    (27, "PR_GET_SECUREBITS"),
    (28, "PR_SET_SECUREBITS"),
    (29, "PR_SET_TIMERSLACK"),
    (30, "PR_GET_TIMERSLACK"),
    (31, "PR_TASK_PERF_EVENTS_DISABLE"),
    (32, "PR_TASK_PERF_EVENTS_ENABLE"),
    (33, "PR_MCE_KILL"),
    (34, "PR_MCE_KILL_GET"),
    (35, "PR_SET_MM"),
    (36, "PR_SET_CHILD_SUBREAPER"),
    (37, "PR_GET_CHILD_SUBREAPER"),
    (38, "PR_SET_NO_NEW_PRIVS"),
    (39, "PR_GET_NO_NEW_PRIVS"),
    (40, "PR_GET_TID_ADDRESS"),
    (41, "PR_SET_THP_DISABLE"),
    (42, "PR_GET_THP_DISABLE"),
    (47, "PR_CAP_AMBIENT"),
    (52, "PR_GET_SPECULATION_CTRL"),
    (53, "PR_SET_SPECULATION_CTRL"),
    (57, "PR_SET_IO_FLUSHER"),
    (58, "PR_GET_IO_FLUSHER"),
    (59, "PR_SET_SYSCALL_USER_DISPATCH"),
    (62, "PR_SCHED_CORE"),
    (65, "PR_SET_MDWE"),
    (66, "PR_GET_MDWE"),
    (67, "PR_SET_MEMORY_MERGE"),
    (68, "PR_GET_MEMORY_MERGE"),
    (77, "PR_TIMER_CREATE_RESTORE_IDS"),
    (78, "PR_FUTEX_HASH"),
    (0x4155_5856, "PR_GET_AUXV"),
    (0x5356_4d41, "PR_SET_VMA"),
    (0x5961_6d61, "PR_SET_PTRACER"),
]);

/// linux/ptrace.h, and asm/ptrace-abi.h of x86; the words of the user area as ptrace(2) spells
/// them.
pub(super) const PTRACE_REQUESTS: Names = names(&[
    (0, "PTRACE_TRACEME"),
    (1, "PTRACE_PEEKTEXT"),
    (2, "PTRACE_PEEKDATA"),
    (3, "PTRACE_PEEKUSER"),
    (4, "PTRACE_POKETEXT"),
    (5, "PTRACE_POKEDATA"),
    (6, "PTRACE_POKEUSER"),
    (7, "PTRACE_CONT"),
    (8, "PTRACE_KILL"),
    (9, "PTRACE_SINGLESTEP"),
    (12, "PTRACE_GETREGS"),
    (13, "PTRACE_SETREGS"),
    (14, "PTRACE_GETFPREGS"),
    (15, "PTRACE_SETFPREGS"),
    (16, "PTRACE_ATTACH"),
    (17, "PTRACE_DETACH"),
    (18, "PTRACE_GETFPXREGS"),
    (19, "PTRACE_SETFPXREGS"),
    (21, "PTRACE_OLDSETOPTIONS"),
    (24, "PTRACE_SYSCALL"),
    (25, "PTRACE_GET_THREAD_AREA"),
    (26, "PTRACE_SET_THREAD_AREA"),
    (30, "PTRACE_ARCH_PRCTL"),
    (31, "PTRACE_SYSEMU"),
    (32, "PTRACE_SYSEMU_SINGLESTEP"),
    (33, "PTRACE_SINGLEBLOCK"),
    (0x4200, "PTRACE_SETOPTIONS"),
    (0x4201, "PTRACE_GETEVENTMSG"),
    (0x4202, "PTRACE_GETSIGINFO"),
    (0x4203, "PTRACE_SETSIGINFO"),
    (0x4204, "PTRACE_GETREGSET"),
    (0x4205, "PTRACE_SETREGSET"),
    (0x4206, "PTRACE_SEIZE"),
    (0x4207, "PTRACE_INTERRUPT"),
    (0x4208, "PTRACE_LISTEN"),
    (0x4209, "PTRACE_PEEKSIGINFO"),
    (0x420a, "PTRACE_GETSIGMASK"),
    (0x420b, "PTRACE_SETSIGMASK"),
    (0x420c, "PTRACE_SECCOMP_GET_FILTER"),
    (0x420d, "PTRACE_SECCOMP_GET_METADATA"),
    (0x420e, "PTRACE_GET_SYSCALL_INFO"),
    (0x420f, "PTRACE_GET_RSEQ_CONFIGURATION"),
    (0x4210, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"),
    (0x4211, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"),
    (0x4212, "PTRACE_SET_SYSCALL_INFO"),
]);

/// asm-generic/mman-common.h.
pub(super) const ADVICE: Names = names(&[
    (0, "MADV_NORMAL"),
    (1, "MADV_RANDOM"),
    (2, "MADV_SEQUENTIAL"),
    (3, "MADV_WILLNEED"),
    (4, "MADV_DONTNEED"),
    (8, "MADV_FREE"),
    (9, "MADV_REMOVE"),
    (10, "MADV_DONTFORK"),
    (11, "MADV_DOFORK"),
    (12, "MADV_MERGEABLE"),
    (13, "MADV_UNMERGEABLE"),
    (14, "MADV_HUGEPAGE"),
    (15, "MADV_NOHUGEPAGE"),
    (16, "MADV_DONTDUMP"),
    (17, "MADV_DODUMP"),
    (18, "MADV_WIPEONFORK"),
    (19, "MADV_KEEPONFORK"),
    (20, "MADV_COLD"),
    (21, "MADV_PAGEOUT"),
    (22, "MADV_POPULATE_READ"),
    (23, "MADV_POPULATE_WRITE"),
    (24, "MADV_DONTNEED_LOCKED"),
    (25, "MADV_COLLAPSE"),
    (100, "MADV_HWPOISON"),
    (101, "MADV_SOFT_OFFLINE"),
    (102, "MADV_GUARD_INSTALL"),
    (103, "MADV_GUARD_REMOVE"),
]);

/// linux/socket.h and asm-generic/socket.h.
pub(super) const SOCKET_LEVELS: Names = names(&[
    (0, "SOL_IP"),
    (1, "SOL_SOCKET"),
    (6, "SOL_TCP"),
    (17, "SOL_UDP"),
    (41, "SOL_IPV6"),
    (58, "SOL_ICMPV6"),
    (132, "SOL_SCTP"),
    (136, "SOL_UDPLITE"),
    (255, "SOL_RAW"),
    (263, "SOL_PACKET"),
    (270, "SOL_NETLINK"),
    (271, "SOL_TIPC"),
    (274, "SOL_BLUETOOTH"),
    (279, "SOL_ALG"),
    (281, "SOL_KCM"),
    (282, "SOL_TLS"),
    (283, "SOL_XDP"),
    (284, "SOL_MPTCP"),
]);

/// asm-generic/socket.h: the options of `SOL_SOCKET`. Where the size of time_t chose between two
/// numbers, this is the one of 64-bit programs.
pub(super) const SOCKET_OPTIONS: Names = names(&[
    (1, "SO_DEBUG"),
    (2, "SO_REUSEADDR"),
    (3, "SO_TYPE"),
    (4, "SO_ERROR"),
    (5, "SO_DONTROUTE"),
    (6, "SO_BROADCAST"),
    (7, "SO_SNDBUF"),
    (8, "SO_RCVBUF"),
    (9, "SO_KEEPALIVE"),
    (10, "SO_OOBINLINE"),
    (11, "SO_NO_CHECK"),
    (12, "SO_PRIORITY"),
    (13, "SO_LINGER"),
    (14, "SO_BSDCOMPAT"),
    (15, "SO_REUSEPORT"),
    (16, "SO_PASSCRED"),
    (17, "SO_PEERCRED"),
    (18, "SO_RCVLOWAT"),
    (19, "SO_SNDLOWAT"),
    (20, "SO_RCVTIMEO"),
    (21, "SO_SNDTIMEO"),
    (25, "SO_BINDTODEVICE"),
    (26, "SO_ATTACH_FILTER"),
    (27, "SO_DETACH_FILTER"),
    (28, "SO_PEERNAME"),
    (29, "SO_TIMESTAMP"),
    (30, "SO_ACCEPTCONN"),
    (31, "SO_PEERSEC"),
    (32, "SO_SNDBUFFORCE"),
    (33, "SO_RCVBUFFORCE"),
    (34, "SO_PASSSEC"),
    (35, "SO_TIMESTAMPNS"),
    (36, "SO_MARK"),
    (37, "SO_TIMESTAMPING"),
    (38, "SO_PROTOCOL"),
    (39, "SO_DOMAIN"),
    (40, "SO_RXQ_OVFL"),
    (41, "SO_WIFI_STATUS"),
    (42, "SO_PEEK_OFF"),
    (43, "SO_NOFCS"),
    (44, "SO_LOCK_FILTER"),
    (45, "SO_SELECT_ERR_QUEUE"),
    (46, "SO_BUSY_POLL"),
    (47, "SO_MAX_PACING_RATE"),
    (48, "SO_BPF_EXTENSIONS"),
    (49, "SO_INCOMING_CPU"),
    (50, "SO_ATTACH_BPF"),
    (51, "SO_ATTACH_REUSEPORT_CBPF"),
    (52, "SO_ATTACH_REUSEPORT_EBPF"),
    (53, "SO_CNX_ADVICE"),
    (55, "SO_MEMINFO"),
    (56, "SO_INCOMING_NAPI_ID"),
    (57, "SO_COOKIE"),
    (59, "SO_PEERGROUPS"),
    (60, "SO_ZEROCOPY"),
    (61, "SO_TXTIME"),
    (62, "SO_BINDTOIFINDEX"),
    (68, "SO_DETACH_REUSEPORT_BPF"),
    (69, "SO_PREFER_BUSY_POLL"),
    (70, "SO_BUSY_POLL_BUDGET"),
    (71, "SO_NETNS_COOKIE"),
    (72, "SO_BUF_LOCK"),
    (73, "SO_RESERVE_MEM"),
    (74, "SO_TXREHASH"),
    (75, "SO_RCVMARK"),
    (76, "SO_PASSPIDFD"),
    (77, "SO_PEERPIDFD"),
]);

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and numbers as the libc crate has them from the kernel's headers.
    macro_rules! libc {
        ($($name:ident)*) => { [$((stringify!($name), libc::$name as u32)),*] };
    }

    #[test]
    #[expect(clippy::cast_sign_loss, reason = "flags are bits")]
    fn the_numbers_are_the_kernels() {
        let agree = |table: &[(u32, &str)], kernel: &[(&str, u32)]| {
            for (name, number) in kernel {
                assert!(table.contains(&(*number, *name)), "{name} {number}");
            }
        };
        agree(
            CLONE_FLAGS.known,
            &libc! {
                CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_PTRACE CLONE_VFORK
                CLONE_PARENT CLONE_THREAD CLONE_NEWNS CLONE_SYSVSEM CLONE_SETTLS CLONE_PARENT_SETTID
                CLONE_CHILD_CLEARTID CLONE_DETACHED CLONE_UNTRACED CLONE_CHILD_SETTID CLONE_NEWCGROUP
                CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET CLONE_IO
            },
        );
        agree(
            MEMFD_FLAGS.known,
            &libc! {
                MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB MFD_NOEXEC_SEAL MFD_EXEC
            },
        );
        agree(
            PRCTL_OPTIONS.known,
            &libc! {
                PR_SET_PDEATHSIG PR_SET_DUMPABLE PR_SET_KEEPCAPS PR_SET_NAME PR_SET_SECCOMP
                PR_CAPBSET_READ PR_CAPBSET_DROP PR_SET_TSC PR_SET_SECUREBITS PR_SET_TIMERSLACK
                PR_MCE_KILL PR_SET_MM PR_SET_CHILD_SUBREAPER PR_SET_NO_NEW_PRIVS PR_GET_TID_ADDRESS
                PR_SET_THP_DISABLE PR_CAP_AMBIENT PR_SET_SPECULATION_CTRL PR_SCHED_CORE PR_SET_MDWE
                PR_SET_MEMORY_MERGE PR_SET_VMA PR_SET_PTRACER
            },
        );
        agree(
            PTRACE_REQUESTS.known,
            &libc! {
                PTRACE_TRACEME PTRACE_PEEKUSER PTRACE_POKEUSER PTRACE_CONT PTRACE_KILL PTRACE_GETREGS
                PTRACE_SETFPXREGS PTRACE_ATTACH PTRACE_DETACH PTRACE_SYSCALL PTRACE_SYSEMU
                PTRACE_SYSEMU_SINGLESTEP PTRACE_SETOPTIONS PTRACE_SEIZE PTRACE_GET_SYSCALL_INFO
                PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG PTRACE_SET_SYSCALL_INFO
            },
        );
        agree(
            ADVICE.known,
            &libc! {
                MADV_NORMAL MADV_DONTNEED MADV_FREE MADV_REMOVE MADV_MERGEABLE MADV_HUGEPAGE
                MADV_DONTDUMP MADV_WIPEONFORK MADV_COLD MADV_POPULATE_WRITE MADV_DONTNEED_LOCKED
                MADV_COLLAPSE MADV_HWPOISON MADV_SOFT_OFFLINE
            },
        );
        agree(
            SOCKET_LEVELS.known,
            &libc! {
                SOL_IP SOL_SOCKET SOL_TCP SOL_UDP SOL_IPV6 SOL_ICMPV6 SOL_RAW SOL_PACKET SOL_NETLINK
                SOL_TIPC SOL_BLUETOOTH SOL_ALG SOL_TLS SOL_XDP
            },
        );
        agree(
            SOCKET_OPTIONS.known,
            &libc! {
                SO_DEBUG SO_REUSEADDR SO_TYPE SO_SNDBUF SO_KEEPALIVE SO_LINGER SO_REUSEPORT SO_PASSCRED
                SO_PEERCRED SO_RCVLOWAT SO_RCVTIMEO SO_SNDTIMEO SO_BINDTODEVICE SO_ATTACH_FILTER
                SO_TIMESTAMP SO_ACCEPTCONN SO_SNDBUFFORCE SO_TIMESTAMPNS SO_MARK SO_TIMESTAMPING
                SO_PROTOCOL SO_BUSY_POLL SO_ATTACH_BPF SO_ATTACH_REUSEPORT_EBPF SO_COOKIE SO_ZEROCOPY
                SO_BINDTOIFINDEX SO_DETACH_REUSEPORT_BPF SO_TXREHASH SO_PEERPIDFD
            },
        );
    }

    #[test]
    fn names_and_numbers_stand_once() {
        let tables = [
            PRCTL_OPTIONS.known,
            PTRACE_REQUESTS.known,
            ADVICE.known,
            SOCKET_LEVELS.known,
            SOCKET_OPTIONS.known,
            CLONE_FLAGS.known,
            MEMFD_FLAGS.known,
        ];
        for table in tables {
            assert!(table.is_sorted_by(|(one, _), (other, _)| one < other));
            let mut names: Vec<_> = table.iter().map(|(_, name)| name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }
}
