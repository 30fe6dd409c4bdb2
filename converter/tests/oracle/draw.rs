//! Rules made of pieces that meet each other.

use proptest::prelude::*;

pub type Words = &'static [&'static str];
/// An argument's name and texts to compare it with.
pub type Arguments = &'static [(&'static str, Words)];
/// Calls with arguments to test.
pub type Pool = &'static [(&'static str, Arguments)];

/// Rules on numbers alone: the kernel must decide them all. None of these calls is one that our own
/// start-up needs.
pub const NUMBERS: Pool = &[
    (
        "socket",
        &[
            ("sockdom", &["AF_INET", "af_unix", "AF_UNKNOWN(16)"]),
            ("socktype", &["SOCK_RAW"]),
            ("sockprot", &["0", "17"]),
        ],
    ),
    // clone alone: by its name clone3 is meant too, whose flags are in memory.
    (
        "unknown-56",
        &[("flags", &["CLONE_NEWUSER", "CLONE_VM|CLONE_VFORK", "CLONE_THREAD", "0", "0x1"])],
    ),
    ("unshare", &[("flags", &["CLONE_NEWNS", "CLONE_NEWTIME", "CLONE_FS|0x1"])]),
    ("setsockopt", &[("level", &["SOL_SOCKET", "SOL_TCP"]), ("optname", &["SO_REUSEADDR", "2"])]),
    ("process_madvise", &[("advice", &["MADV_DONTNEED", "5"])]),
    ("ptrace", &[("request", &["PTRACE_ATTACH", "0x5412"])]),
    ("rt_sigqueueinfo", &[("signame", &["SIGKILL", "<unknown>: 0", "bogus"])]),
    // fchmod alone: by its name fchmodat2 is meant too, in which it is told by memory.
    ("unknown-91", &[("mode", &["644", "0", "7777"]), ("fd", &["3", "-1"])]),
    (
        "setresuid",
        &[("uid", &["0", "-1"]), ("uid[1]", &["0"]), ("uid[2]", &["0"]), ("gid", &["0"])],
    ),
    ("seteuid", &[("uid", &["0", "1000"])]),
    ("ioctl", &[("request", &["0x5412", "0x0"])]),
    ("getppid", &[("fd", &["0"])]),
];

/// Rules that look at memory, at names, or at calls whose meaning depends on memory.
pub const TEXTS: Pool = &[
    ("fsread", &[("filename", &["/etc", "/tmp", "/"])]),
    ("fswrite", &[("filename", &["/tmp", "/etc"])]),
    ("open", &[("oflags", &["ro", "rw", "roc"]), ("filename", &["/etc"])]),
    ("stat", &[("filename", &["/etc"])]),
    ("fstat", &[("fd", &["3", "0"])]),
    ("rename", &[("filename", &["/tmp"]), ("filename[1]", &["/etc"])]),
    ("chmod", &[("mode", &["644"]), ("filename", &["/tmp"])]),
    ("sendto", &[("sockaddr", &["inet-[127.0.0.1]:53"])]),
    ("kill", &[("pidname", &["/bin/sh"]), ("signame", &["SIGKILL"])]),
    ("execve", &[("filename", &["/bin"])]),
    ("mprotect", &[("prot", &["PROT_NONE", "PROT_READ|PROT_EXEC"])]),
    ("setuid", &[("uname", &["root"]), ("uid", &["0"])]),
    ("prctl", &[("option", &["PR_SET_NO_NEW_PRIVS", "PR_CAPBSET", "79", "bogus"])]),
    ("clone", &[("flags", &["CLONE_NEWUSER", "CLONE_NEW", "CLONE_VM"])]),
    ("memfd_create", &[("string", &["code"]), ("flags", &["MFD_CLOEXEC", "MFD"])]),
];

/// Parts of texts that no number without a name has: the kernel can look for them.
pub const PARTS: Pool = &[
    ("unknown-56", &[("flags", &["CLONE_NEW", "CLONE_NEWUSER", "PARENT", "BOGUS"])]),
    ("unshare", &[("flags", &["CLONE_NEW", "TIME"])]),
    ("socket", &[("sockdom", &["INET"]), ("socktype", &["STREAM"])]),
    ("getsockopt", &[("level", &["SOL_I", "SOCKET"])]),
    ("process_madvise", &[("advice", &["DONT", "MADV_FREE"])]),
];

/// Calls that ask for capabilities, and one by which others are made unseen.
pub const ASKING: Pool = &[
    ("socket", &[("sockdom", &["AF_INET", "AF_NETLINK", "AF_UNKNOWN(16)"])]),
    ("unknown-56", &[("flags", &["CLONE_NEWUSER", "CLONE_NEW", "CLONE_VM"])]),
    ("clone", &[("flags", &["CLONE_NEWUSER", "CLONE_VM"])]),
    ("unshare", &[("flags", &["CLONE_NEWUSER", "CLONE_NEWNS"])]),
    ("ioctl", &[("request", &["0x4b4e", "0x5412"])]),
    ("fswrite", &[("filename", &["/tmp", "/dev"])]),
    ("mknod", &[("filename", &["/dev"])]),
    ("chown", &[("filename", &["/tmp"])]),
    ("sendmsg", &[("fd", &["3"])]),
    ("setsockopt", &[("optname", &["SO_REUSEADDR"])]),
    ("bind", &[("sockaddr", &["inet-[127.0.0.1]:80"])]),
    ("kill", &[("signame", &["SIGKILL"])]),
    ("chroot", &[("filename", &["/tmp"])]),
    ("setuid", &[("uid", &["0"])]),
    ("fcntl", &[("cmd", &["F_SETLEASE", "F_GETFL"])]),
    ("execve", &[("filename", &["/bin"])]),
    ("capset", &[("fd", &["0"])]),
    ("io_uring_setup", &[("fd", &["0"])]),
];

pub const ACTIONS: &[&str] = &["permit", "deny", "deny[enoent]", "permit"];
pub const MORE_ACTIONS: &[&str] =
    &["permit log", "ask", "permit as root", "permit[inherit]", "deny log"];

pub fn comparison(arguments: Arguments, operators: Words) -> impl Strategy<Value = String> {
    let of = move |(name, texts): (&'static str, Words)| {
        let operator = prop::sample::select(operators);
        (operator, prop::sample::select(texts))
            .prop_map(move |(operator, text)| format!("{name} {operator} \"{text}\""))
    };
    prop::sample::select(arguments).prop_flat_map(of)
}

pub fn rule(
    pool: Pool,
    operators: Words,
    actions: Vec<&'static str>,
) -> impl Strategy<Value = String> {
    prop::sample::select(pool).prop_flat_map(move |(call, arguments)| {
        let test = || comparison(arguments, operators);
        let condition = prop_oneof![
            1 => Just("true".to_owned()),
            4 => test(),
            1 => (test(), test()).prop_map(|(a, b)| format!("{a} and {b}")),
            1 => (test(), test()).prop_map(|(a, b)| format!("{a} or ( not {b} )")),
            1 => test().prop_map(|a| format!("not {a}")),
        ];
        (condition, prop::sample::select(actions.clone())).prop_map(move |(condition, action)| {
            format!("native-{call}: {condition} then {action}")
        })
    })
}

pub fn number_rules() -> impl Strategy<Value = String> {
    prop_oneof![
        rule(NUMBERS, &["eq", "neq"], ACTIONS.to_vec()),
        rule(PARTS, &["sub", "nsub"], ACTIONS.to_vec()),
    ]
}

pub fn any_rules() -> impl Strategy<Value = String> {
    let operators = &["eq", "neq", "match", "sub", "nsub"];
    let actions = [ACTIONS, MORE_ACTIONS].concat();
    let predicate = prop::sample::select(vec!["", "", "", ", if user = 0", ", if group != 7"]);
    let any =
        prop_oneof![rule(NUMBERS, operators, actions.clone()), rule(TEXTS, operators, actions)];
    (any, predicate).prop_map(|(rule, predicate)| rule + predicate)
}

pub fn asking_rules() -> impl Strategy<Value = String> {
    let actions = [ACTIONS, &["permit as root", "ask"]].concat();
    rule(ASKING, &["eq", "neq", "sub"], actions)
}
