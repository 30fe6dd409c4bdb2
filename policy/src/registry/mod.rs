//! The one table of calls: their numbers, the names rules may use for them, and their arguments.
//!
//! A *call* is a Linux x86_64 system call. Its flags may make it mean different things (`newfstatat` is
//! `stat`, `lstat` or `fstat`): each meaning is a *form*. Rules name forms; mechanisms enforce calls.
//! The forms of a call are tried in order and the first whose tests all hold is the call's form, so the last form
//! of every call has no test.

/// A Linux x86_64 system call number (asm/unistd_64.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyscallNumber(pub u32);

/// A form's place in the registry, counted over all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormId(pub u16);

/// One Linux call.
#[derive(Debug)]
pub struct Call {
    /// Its name in the kernel's table: `openat`.
    pub name: &'static str,
    /// Its number.
    pub number: SyscallNumber,
    /// What it can mean, most special first.
    pub forms: &'static [Form],
}

/// One meaning of a call.
#[derive(Debug)]
pub struct Form {
    /// All must hold.
    pub when: &'static [FormTest],
    /// The names by which rules know it, without emulation, the call's own name first: `["newfstatat", "lstat"]`.
    pub names: &'static [&'static str],
    /// The alias whose rules apply after those on the names.
    pub alias: Alias,
    /// The arguments that rules can test, in order; equal names are told apart by `[k]`.
    pub parameters: &'static [Parameter],
}

/// A test that selects a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormTest {
    /// `register & mask == equals`; the kernel's copy, free of races, visible to BPF.
    Register {
        /// Which argument, 0 to 5.
        argument: u8,
        /// The bits that count.
        mask: u64,
        /// What they must be.
        equals: u64,
    },
    /// The path argument (by position) is the empty string. Needs the caller's memory.
    EmptyPath(u8),
    /// `open_how.flags & mask == equals` (openat2(2)). Needs the caller's memory.
    OpenHow {
        /// The argument that points to the structure.
        argument: u8,
        /// The bits that count.
        mask: u64,
        /// What they must be.
        equals: u64,
    },
}

/// Which alias rules apply to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alias {
    /// None.
    None,
    /// `fsread`.
    Read,
    /// `fswrite`.
    Write,
    /// Both must permit: a read-only open that creates or truncates.
    ReadWrite,
}

/// One argument as rules know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// `filename`, `oflags`, `sockaddr`, …
    pub name: &'static str,
    /// How its value is cut and printed.
    pub kind: Kind,
    /// Where the value comes from.
    pub source: Source,
}

/// What a value is, hence how it is printed for the operators (`LANGUAGE.md` lists the texts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A resolved file name.
    Filename,
    /// Bytes as given, such as a symbolic link's target.
    Text,
    /// All arguments of a program joined by one blank.
    Argv,
    /// `ro`, `wo`, `rw` and letters.
    OpenFlags,
    /// Octal permission bits, masked with 07777.
    Mode,
    /// A signed 32-bit decimal number.
    Uid,
    /// A signed 32-bit decimal number.
    Gid,
    /// A signed 32-bit decimal number.
    Fd,
    /// The user's name in the container's passwd file.
    UserName,
    /// `inet-[ADDR]:PORT`, a path, `family(N)`.
    SocketAddress,
    /// `AF_INET`, …
    SocketDomain,
    /// `SOCK_STREAM`, …; the flag bits are masked off first.
    SocketType,
    /// The program of the process that a signal goes to.
    ProcessName,
    /// `SIGHUP`, …
    Signal,
    /// `F_DUPFD`, …
    FcntlCommand,
    /// `PROT_READ|PROT_WRITE`, …
    Protection,
}

/// Where the value of an argument comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A register: race-free, visible to BPF.
    Register(u8),
    /// A file name.
    Path {
        /// The argument that holds the folder's descriptor; none: the working directory.
        dirfd: Option<u8>,
        /// The argument that points to the name.
        path: u8,
        /// What happens with a symbolic link at the end of the name.
        links: Links,
    },
    /// A NUL-terminated text that is not a file name.
    Text(u8),
    /// A NULL-terminated vector of texts.
    Vector(u8),
    /// A socket address with its length.
    SocketAddress {
        /// Pointer argument.
        address: u8,
        /// Length argument.
        length: u8,
    },
    /// The address inside a `msghdr`.
    MessageName(u8),
    /// `open_how.flags` or `.mode` (openat2(2)): byte offset in the structure that the argument points to.
    OpenHow {
        /// Pointer argument.
        argument: u8,
        /// 0 flags, 8 mode.
        offset: u8,
    },
}

/// Symbolic links at the end of a name. Links before the end are always resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Followed: the name of what is reached.
    Follow,
    /// Kept: the name of the link itself.
    Keep,
    /// Followed unless this argument has this flag.
    FollowUnless {
        /// Register.
        argument: u8,
        /// Bits, any of which keeps the link.
        flags: u64,
    },
    /// Kept unless this argument has this flag.
    KeepUnless {
        /// Register.
        argument: u8,
        /// Bits, any of which follows the link.
        flags: u64,
    },
}
