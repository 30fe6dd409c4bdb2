//! The one table of calls: their numbers, the names rules may use for them, and their arguments.
//!
//! A *call* is a Linux x86_64 system call. Its flags may make it mean different things
//! (`newfstatat` is `stat`, `lstat` or `fstat`): each meaning is a *form*. Rules name forms;
//! mechanisms enforce calls. The forms of a call are tried in order and the first whose tests all
//! hold is the call's form, so the last form of every call has no test.
//!
//! One table serves every emulation, since the old systems' names nowhere contradict each other: a
//! form lists every name that reaches it, the kernel's own first. [`names`] says what a rule's name
//! means.

mod constants;
mod index;
mod kinds;
pub mod names;
mod notation;
mod reference;
mod table;
mod texts;

pub use index::{call, call_named, calls, forms};
pub use kinds::{Kind, NumberSet};
pub use reference::reference;
pub use texts::Printed;

/// A Linux x86_64 system call number (asm/unistd_64.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyscallNumber(pub u32);

/// Every call after which its caller may have other credentials or be in another user namespace. prctl(2) is not among them: what it
/// changes (the bounding and ambient sets, securebits, `no_new_privs`) has an effect only with the next of these.
pub const CREDENTIAL_CHANGES: &[&str] = &[
    "capset",
    "execve",
    "execveat",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setgroups",
    "setns",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setuid",
    "unshare",
];

/// A form's place in the registry, counted over all calls in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormId(u16);

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
    /// The names by which rules know it, without emulation, the call's own name first:
    /// `["newfstatat", "lstat"]`.
    pub names: &'static [&'static str],
    /// The aliases whose rules apply where none on a name does; every one of them must permit.
    pub aliases: &'static [AliasUse],
    /// The arguments that rules can test, in order; equal names are told apart by `[k]`.
    pub parameters: &'static [Parameter],
}

impl Form {
    /// The position of the `index`-th parameter of this name (names compare without regard to
    /// case).
    #[must_use]
    pub fn parameter(&self, name: &str, index: usize) -> Option<usize> {
        let named = |parameter: &Parameter| parameter.name.eq_ignore_ascii_case(name);
        self.parameters.iter().enumerate().filter(|(_, p)| named(p)).nth(index).map(|(at, _)| at)
    }
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
    /// The path argument (by position) is the empty string or a null pointer. Needs the caller's
    /// memory.
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

impl FormTest {
    /// Whether the registers alone pass the test; `None` if it needs the caller's memory.
    #[must_use]
    pub fn on_registers(&self, registers: &[u64; 6]) -> Option<bool> {
        match *self {
            Self::Register { argument, mask, equals } => {
                Some(registers[usize::from(argument)] & mask == equals)
            }
            Self::EmptyPath(argument) if registers[usize::from(argument)] == 0 => Some(true),
            Self::EmptyPath(_) | Self::OpenHow { .. } => None,
        }
    }
}

/// A group of calls with one name for rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alias {
    /// `fsread`: what is learnt about the file of this name.
    Read,
    /// `fswrite`: what is done to the file of this name.
    Write,
}

impl Alias {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    /// The name that rules use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "fsread",
            Self::Write => "fswrite",
        }
    }
}

/// The rules of an alias judge one file name of a form. A rule of an alias knows no other argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AliasUse {
    /// Whose rules.
    pub alias: Alias,
    /// The position of the judged name among the form's parameters.
    pub parameter: u8,
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
    /// The name of the open file behind a descriptor (by position): a path call with
    /// `AT_EMPTY_PATH`.
    Descriptor(u8),
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
    /// The addresses inside a vector of `mmsghdr` (sendmmsg(2)): one event for each of them, and
    /// all must be permitted.
    MessageNames {
        /// Pointer argument.
        vector: u8,
        /// How many.
        count: u8,
    },
    /// `open_how.flags` or `.mode` (openat2(2)): byte offset in the structure that the argument
    /// points to.
    OpenHow {
        /// Pointer argument.
        argument: u8,
        /// 0 flags, 8 mode.
        offset: u8,
    },
    /// `clone_args.flags` (clone3(2)).
    CloneArgs(u8),
}

impl Source {
    /// The value is in a register, where the caller cannot change it any more.
    #[must_use]
    pub fn is_register(self) -> bool {
        matches!(self, Self::Register(_))
    }
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
    /// Followed unless `open_how.flags` (openat2(2)), to which this argument points, has
    /// `O_NOFOLLOW`.
    OpenHow(u8),
}
