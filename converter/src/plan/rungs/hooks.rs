//! Which calls Landlock looks at, and for which rights it asks (security/landlock/fs.c).

use policy::registry::FormId;

use super::Obstacle;
use crate::host::LandlockAbi;
use crate::landlock::Rights;

/// What Landlock must be able to do to judge a form as the rules do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Needs {
    /// Rights that must be denied where the rules deny: without one of them, a call would pass.
    pub(in crate::plan) rights: Rights,
    /// Rights that permitted calls use.
    pub(in crate::plan) used: Rights,
    /// Calls of the form that it does not look at, or cannot judge: those with one of these values in the bits of a register.
    pub(in crate::plan) unseen: Vec<Bits>,
}

/// `register & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) struct Bits {
    pub(in crate::plan) argument: u8,
    pub(in crate::plan) mask: u64,
    pub(in crate::plan) value: u64,
}

/// asm-generic/fcntl.h. A file that is opened with both bits can be neither read nor written, only controlled (open(2), "NOTES"),
/// and Landlock asks for no right.
const O_ACCMODE: u64 = 0o3;
/// The bit of `O_TMPFILE` that no other flag has.
const O_TMPFILE: u64 = 0o20_000_000;
/// linux/stat.h.
const S_IFMT: u64 = 0o170_000;
const S_IFSOCK: u64 = 0o140_000;

/// The needs of a form, or why Landlock cannot judge it.
pub(in crate::plan) fn needs(form: FormId, abi: LandlockAbi) -> Result<Needs, Obstacle> {
    let (call, place) = (form.call().name, place(form));
    let plain = |rights| Ok(Needs { rights, used: rights, unseen: Vec::new() });
    let since = |first: LandlockAbi, lack: &str| match abi < first {
        true => Err(format!("Landlock {abi} {lack}, {first} does")),
        false => Ok(()),
    };
    match (call, place) {
        ("open" | "openat", 3) | ("creat", _) => Ok(opening(form)),
        ("open" | "openat", 2) => Err("a file that exists would be opened unseen".into()),
        ("openat2", _) => Err("its flags are in the program's memory".into()),
        ("truncate", _) => {
            since(LandlockAbi::TRUNCATE, "does not see it")?;
            plain(Rights::TRUNCATE)
        }
        ("rename" | "renameat" | "renameat2", _) => {
            since(LandlockAbi::REFER, "moves nothing between folders")?;
            let rights = Rights::REMOVE.or(Rights::REFER);
            Ok(Needs { rights, used: touched(form), unseen: Vec::new() })
        }
        ("link", _) | ("linkat", 1) => {
            since(LandlockAbi::REFER, "links nothing between folders")?;
            plain(touched(form))
        }
        ("mkdir" | "mkdirat" | "rmdir" | "unlink" | "unlinkat" | "mknod" | "mknodat", _) => {
            plain(touched(form))
        }
        ("symlink" | "symlinkat", _) => plain(touched(form)),
        _ => Err("Landlock does not see it".into()),
    }
}

/// The rights that some call of the form is asked for.
pub(in crate::plan) fn touched(form: FormId) -> Rights {
    match (form.call().name, place(form)) {
        ("open" | "openat" | "openat2", 3) | ("creat", _) => {
            Rights::WRITE_FILE.or(Rights::MAKE_REG).or(Rights::TRUNCATE)
        }
        ("open" | "openat" | "openat2", 2) => Rights::MAKE_REG.or(Rights::TRUNCATE),
        ("truncate", _) => Rights::TRUNCATE,
        ("mkdir" | "mkdirat", _) => Rights::MAKE_DIR,
        ("rmdir", _) | ("unlinkat", 0) => Rights::REMOVE_DIR,
        ("unlink" | "unlinkat", _) => Rights::REMOVE_FILE,
        ("mknod" | "mknodat", 0) => Rights::MAKE_FIFO,
        ("mknod" | "mknodat", _) => {
            Rights::MAKE_REG.or(Rights::MAKE_CHAR).or(Rights::MAKE_BLOCK).or(Rights::MAKE_SOCK)
        }
        ("symlink" | "symlinkat", _) => Rights::MAKE_SYM,
        ("rename" | "renameat" | "renameat2", _) => {
            Rights::REMOVE.or(Rights::MAKE).or(Rights::REFER)
        }
        ("link" | "linkat", _) => Rights::MAKE.except(Rights::MAKE_DIR).or(Rights::REFER),
        ("bind", _) => Rights::MAKE_SOCK,
        _ => Rights::NONE,
    }
}

/// The form gives something that exists another name or place.
pub(in crate::plan) fn moves(form: FormId) -> bool {
    matches!(form.call().name, "rename" | "renameat" | "renameat2" | "link" | "linkat")
}

/// The form can take away the name of something that exists, or give it a second one.
pub(in crate::plan) fn unsettles(form: FormId) -> bool {
    moves(form) || matches!(form.call().name, "rmdir" | "unlink" | "unlinkat")
}

impl Needs {
    /// The needs if a rule permits a name without what lies below it. A file that has no name yet (`O_TMPFILE`) is judged by
    /// that of its folder, and Landlock's rights on a folder are rights on everything in it.
    pub(in crate::plan) fn without_nameless(mut self, form: FormId) -> Self {
        let flags = opening_flags(form);
        let nameless = |argument| Bits { argument, mask: O_TMPFILE, value: O_TMPFILE };
        self.unseen.extend(flags.map(nameless));
        self
    }

    /// The needs if nobody watches the making of sockets, because bind(2) must be let through; none if the form cannot do without.
    pub(in crate::plan) fn without_sockets(&self, form: FormId) -> Option<Self> {
        let argument = match form.call().name {
            "mknod" => 1,
            "mknodat" => 2,
            _ => return None,
        };
        let unseen = vec![Bits { argument, mask: S_IFMT, value: S_IFSOCK }];
        let [rights, used] = [self.rights, self.used].map(|all| all.except(Rights::MAKE_SOCK));
        Some(Self { rights, used, unseen })
    }
}

/// A file that is there needs the right to be written, one that is not the right to be made.
fn opening(form: FormId) -> Needs {
    let controlled = |argument| Bits { argument, mask: O_ACCMODE, value: O_ACCMODE };
    let unseen = opening_flags(form).map(controlled).into_iter().collect();
    Needs { rights: Rights::WRITE_FILE.or(Rights::MAKE_REG), used: touched(form), unseen }
}

/// The register with the flags of an open.
fn opening_flags(form: FormId) -> Option<u8> {
    match form.call().name {
        "open" => Some(1),
        "openat" => Some(2),
        _ => None,
    }
}

/// The form's place among those of its call.
fn place(form: FormId) -> usize {
    form.call().form_ids().position(|other| other == form).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::registry::{self, Alias};

    /// The places above are those of the registry.
    #[test]
    fn forms_stand_where_they_are_expected() {
        for call in ["open", "openat", "openat2"] {
            let forms: Vec<_> = registry::call_named(call).expect(call).form_ids().collect();
            let writes =
                |form: &FormId| form.form().aliases.iter().any(|usage| usage.alias == Alias::Write);
            let reads =
                |form: &FormId| form.form().aliases.iter().any(|usage| usage.alias == Alias::Read);
            let shape: Vec<_> = forms.iter().map(|form| (reads(form), writes(form))).collect();
            assert_eq!(
                shape,
                [(true, false), (true, false), (true, true), (false, true)],
                "{call}"
            );
        }
        for call in ["unlinkat", "mknod", "mknodat", "linkat"] {
            assert_eq!(registry::call_named(call).expect(call).form_ids().count(), 2, "{call}");
        }
    }
}
