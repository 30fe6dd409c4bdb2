//! The notation in which the tables are written.

use super::{Alias, AliasUse, Form, FormTest, Kind, Links, Parameter, Source};

/// `AT_SYMLINK_NOFOLLOW` (linux/fcntl.h).
pub(super) const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
/// `AT_REMOVEDIR` (linux/fcntl.h).
pub(super) const AT_REMOVEDIR: u64 = 0x200;
/// `AT_SYMLINK_FOLLOW` (linux/fcntl.h).
pub(super) const AT_SYMLINK_FOLLOW: u64 = 0x400;
/// `AT_EMPTY_PATH` (linux/fcntl.h).
pub(super) const AT_EMPTY_PATH: u64 = 0x1000;

/// The low 32 bits, where the kernel takes an int.
pub(super) const INT: u64 = 0xffff_ffff;

pub(super) const READ: AliasUse = AliasUse { alias: Alias::Read, parameter: 0 };
pub(super) const WRITE: AliasUse = AliasUse { alias: Alias::Write, parameter: 0 };
/// The second name is written, as the target of a link or of a new name.
pub(super) const WRITE_SECOND: AliasUse = AliasUse { alias: Alias::Write, parameter: 1 };

/// A call with one form, no arguments for rules, and the names that reach it.
macro_rules! plain {
    ($number:literal $name:literal $($old:literal)*) => {
        $crate::registry::Call {
            name: $name,
            number: $crate::registry::SyscallNumber($number),
            forms: &[$crate::registry::Form::named(&[$name $(, $old)*])],
        }
    };
}

/// A call with several forms, or with arguments for rules.
macro_rules! forms {
    ($number:literal $name:literal: $($form:expr),+ $(,)?) => {
        $crate::registry::Call {
            name: $name,
            number: $crate::registry::SyscallNumber($number),
            forms: &[$($form),+],
        }
    };
}

pub(super) use {forms, plain};

impl Form {
    pub(super) const fn named(names: &'static [&'static str]) -> Self {
        Self { when: &[], names, aliases: &[], parameters: &[] }
    }

    pub(super) const fn when(self, when: &'static [FormTest]) -> Self {
        Self { when, ..self }
    }

    pub(super) const fn judged(self, aliases: &'static [AliasUse]) -> Self {
        Self { aliases, ..self }
    }

    pub(super) const fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }
}

/// The bits of `mask` in the register are exactly `equals`.
pub(super) const fn bits(argument: u8, mask: u64, equals: u64) -> FormTest {
    FormTest::Register { argument, mask, equals }
}

/// All of these bits are set in the register.
pub(super) const fn set(argument: u8, flags: u64) -> FormTest {
    bits(argument, flags, flags)
}

/// The register holds a null pointer.
pub(super) const fn null(argument: u8) -> FormTest {
    bits(argument, u64::MAX, 0)
}

/// The register holds the int -1: an id that stays as it is.
pub(super) const fn unchanged(argument: u8) -> FormTest {
    bits(argument, INT, INT)
}

/// A number in a register.
pub(super) const fn number(name: &'static str, kind: Kind, argument: u8) -> Parameter {
    Parameter { name, kind, source: Source::Register(argument) }
}

/// A file name relative to the working directory.
pub(super) const fn path(path: u8, links: Links) -> Parameter {
    filename(Source::Path { dirfd: None, path, links })
}

/// A file name relative to a folder's descriptor, in the usual order: descriptor, name.
pub(super) const fn at(dirfd: u8, links: Links) -> Parameter {
    filename(Source::Path { dirfd: Some(dirfd), path: dirfd + 1, links })
}

/// The name of the open file behind a descriptor.
pub(super) const fn descriptor(argument: u8) -> Parameter {
    filename(Source::Descriptor(argument))
}

const fn filename(source: Source) -> Parameter {
    Parameter { name: "filename", kind: Kind::Filename, source }
}

/// Followed unless the argument has the flags.
pub(super) const fn follow_unless(argument: u8, flags: u64) -> Links {
    Links::FollowUnless { argument, flags }
}

/// Kept unless the argument has the flags.
pub(super) const fn keep_unless(argument: u8, flags: u64) -> Links {
    Links::KeepUnless { argument, flags }
}

/// A text that is no file name.
pub(super) const fn text(argument: u8) -> Parameter {
    Parameter { name: "string", kind: Kind::Text, source: Source::Text(argument) }
}

pub(super) const fn fd(argument: u8) -> Parameter {
    number("fd", Kind::Fd, argument)
}

pub(super) const fn uid(argument: u8) -> Parameter {
    number("uid", Kind::Uid, argument)
}

pub(super) const fn gid(argument: u8) -> Parameter {
    number("gid", Kind::Gid, argument)
}

pub(super) const fn mode(argument: u8) -> Parameter {
    number("mode", Kind::Mode, argument)
}
