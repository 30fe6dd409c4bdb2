//! A Landlock ruleset as data (landlock(7)): which rights the kernel watches, and where it grants them.

use std::fmt;

use policy::RuleId;

use crate::host::LandlockAbi;

/// Rights on files and folders (linux/landlock.h, `LANDLOCK_ACCESS_FS_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rights(u64);

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// Open a file for writing.
    pub const WRITE_FILE: Self = Self(1 << 1);
    /// Remove a folder that lies in the folder.
    pub const REMOVE_DIR: Self = Self(1 << 4);
    /// Remove, or rename, anything else there.
    pub const REMOVE_FILE: Self = Self(1 << 5);
    /// Make a character device in the folder.
    pub const MAKE_CHAR: Self = Self(1 << 6);
    /// Make a folder.
    pub const MAKE_DIR: Self = Self(1 << 7);
    /// Make a plain file.
    pub const MAKE_REG: Self = Self(1 << 8);
    /// Make a socket, by mknod(2), link(2) or bind(2).
    pub const MAKE_SOCK: Self = Self(1 << 9);
    /// Make a FIFO.
    pub const MAKE_FIFO: Self = Self(1 << 10);
    /// Make a block device.
    pub const MAKE_BLOCK: Self = Self(1 << 11);
    /// Make a symbolic link.
    pub const MAKE_SYM: Self = Self(1 << 12);
    /// Move or link between this folder and another. Denied by every ruleset that does not grant it.
    pub const REFER: Self = Self(1 << 13);
    /// Shorten or lengthen a file.
    pub const TRUNCATE: Self = Self(1 << 14);

    /// All that can be granted on something that is no folder; the kernel refuses others there.
    pub const OF_FILES: Self = Self::WRITE_FILE.or(Self::TRUNCATE);
    /// Make anything that can be made.
    pub const MAKE: Self = Self::MAKE_CHAR
        .or(Self::MAKE_DIR)
        .or(Self::MAKE_REG)
        .or(Self::MAKE_SOCK)
        .or(Self::MAKE_FIFO)
        .or(Self::MAKE_BLOCK)
        .or(Self::MAKE_SYM);
    /// Remove anything.
    pub const REMOVE: Self = Self::REMOVE_DIR.or(Self::REMOVE_FILE);

    /// Everything that changes files and folders, as far as the kernel knows it.
    #[must_use]
    pub fn of_writing(abi: LandlockAbi) -> Self {
        let first = Self::WRITE_FILE.or(Self::REMOVE).or(Self::MAKE);
        match abi {
            old if old < LandlockAbi::REFER => first,
            old if old < LandlockAbi::TRUNCATE => first.or(Self::REFER),
            _ => first.or(Self::REFER).or(Self::TRUNCATE),
        }
    }

    /// Those of both.
    #[must_use]
    pub const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// As the kernel takes them.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// All of the others are among these.
    #[must_use]
    pub fn contain(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Those that are among both.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// These, without the others.
    #[must_use]
    pub fn except(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The names of linux/landlock.h, in lower case.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(right, _)| self.contain(*right)).map(|(_, name)| *name)
    }
}

const NAMES: [(Rights, &str); 12] = [
    (Rights::WRITE_FILE, "write_file"),
    (Rights::REMOVE_DIR, "remove_dir"),
    (Rights::REMOVE_FILE, "remove_file"),
    (Rights::MAKE_CHAR, "make_char"),
    (Rights::MAKE_DIR, "make_dir"),
    (Rights::MAKE_REG, "make_reg"),
    (Rights::MAKE_SOCK, "make_sock"),
    (Rights::MAKE_FIFO, "make_fifo"),
    (Rights::MAKE_BLOCK, "make_block"),
    (Rights::MAKE_SYM, "make_sym"),
    (Rights::REFER, "refer"),
    (Rights::TRUNCATE, "truncate"),
];

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(" "))
    }
}

/// A ruleset that is not resolved yet: the names are those of rules, and mean files of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// The rights that the kernel denies wherever they are not granted.
    pub handled: Rights,
    /// Granted on all that the rules name, and below it.
    pub granted: Rights,
    /// Rules of the first policy whose file names have the granted rights ([`policy::Condition::file_names`]).
    pub rules: Vec<RuleId>,
    /// Granted on the root folder, and so everywhere: what a ruleset denies though nobody wants it to.
    pub everywhere: Rights,
    /// Which sockets of TCP may be bound and connected.
    pub ports: Ports,
}

/// Ports of TCP, for the calls that the ruleset judges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ports {
    /// Those that bind(2) may take; none: the ruleset does not judge it.
    pub bind: Option<Vec<u16>>,
    /// Those that connect(2) may reach.
    pub connect: Option<Vec<u16>>,
}

impl Ports {
    /// `LANDLOCK_ACCESS_NET_BIND_TCP` of linux/landlock.h.
    const BIND: u64 = 1 << 0;
    /// `LANDLOCK_ACCESS_NET_CONNECT_TCP`.
    const CONNECT: u64 = 1 << 1;

    /// The rights that the kernel denies wherever they are not granted.
    #[must_use]
    pub fn handled(&self) -> u64 {
        let bit = |ports: &Option<Vec<u16>>, bit| if ports.is_some() { bit } else { 0 };
        bit(&self.bind, Self::BIND) | bit(&self.connect, Self::CONNECT)
    }

    /// Rights, each with a port on which it is granted.
    pub fn granted(&self) -> impl Iterator<Item = (u64, u16)> {
        let each = |ports: &Option<Vec<u16>>| ports.clone().unwrap_or_default();
        let bind = each(&self.bind).into_iter().map(|port| (Self::BIND, port));
        bind.chain(each(&self.connect).into_iter().map(|port| (Self::CONNECT, port)))
    }
}
