//! What the name in a rule means.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Alias, FormId, SyscallNumber, call, forms};

/// The emulations whose names the registry knows: what stands after `Emulation:` in a header.
pub const EMULATIONS: [&str; 7] =
    ["native", "netbsd", "freebsd", "bsdos", "darwin", "linux", "linux64"];

/// The meaning of a rule's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// These forms, in the order of the registry.
    Forms(Vec<FormId>),
    /// All forms of the alias.
    Alias(Alias),
    /// A call of an old system that has no counterpart here: a rule on it has no effect.
    Nothing,
    /// No system's call, as far as the registry knows.
    Unknown,
}

/// Calls of the old systems which nothing on Linux corresponds to.
const NOTHING: &[&str] = &[
    "__sysctl",
    "sysctl",
    "chflags",
    "chflagsat",
    "fchflags",
    "compat_43_ogetpagesize",
    "ogetpagesize",
    "fpathconf",
    "pathconf",
    "getdtablecount",
    "getfsstat",
    "getlogin",
    "getlogin_r",
    "issetugid",
    "kbind",
    "ktrace",
    "load_shared_file",
    "minherit",
    "mquery",
    "nfssvc",
    "pledge",
    "revoke",
    "sendsyslog",
    "sendsyslog2",
    "setlogin",
    "undelete",
    "unveil",
];

static BY_NAME: LazyLock<HashMap<&'static str, Vec<FormId>>> = LazyLock::new(|| {
    let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
    for id in forms() {
        for name in id.form().names {
            by_name.entry(*name).or_default().push(id);
        }
    }
    by_name
});

/// What a rule's name means, whatever the emulation: the names of the systems nowhere contradict
/// each other.
#[must_use]
pub fn meaning(name: &str) -> Named {
    if let Some(alias) = Alias::ALL.into_iter().find(|alias| alias.name() == name) {
        return Named::Alias(alias);
    }
    if let Some(forms) = BY_NAME.get(name) {
        return Named::Forms(forms.clone());
    }
    if NOTHING.contains(&name) || name.starts_with("ni_syscall-") {
        return Named::Nothing;
    }
    match (numbered(name), sixteen_bit(name)) {
        (Some(forms), _) => Named::Forms(forms),
        (None, Some(forms)) => Named::Forms(forms.clone()),
        (None, None) => Named::Unknown,
    }
}

/// Every name a rule can have, in no order.
pub fn all() -> impl Iterator<Item = &'static str> {
    let aliases = Alias::ALL.into_iter().map(Alias::name);
    BY_NAME.keys().copied().chain(aliases).chain(NOTHING.iter().copied())
}

/// `unknown-318`: what the original called numbers that were newer than its table.
fn numbered(name: &str) -> Option<Vec<FormId>> {
    let number = name.strip_prefix("unknown-")?.parse().ok()?;
    Some(call(SyscallNumber(number))?.form_ids().collect())
}

/// `setuid16`: the calls of 32-bit Linux from the time of 16-bit ids.
fn sixteen_bit(name: &str) -> Option<&'static Vec<FormId>> {
    BY_NAME.get(name.strip_suffix("16")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls_of(name: &str) -> Vec<&'static str> {
        let Named::Forms(forms) = meaning(name) else { panic!("{name} names no form") };
        let mut calls: Vec<_> = forms.into_iter().map(|form| form.call().name).collect();
        calls.dedup();
        calls
    }

    #[test]
    fn old_names_reach_every_call_of_today() {
        assert_eq!(calls_of("open"), ["open", "creat", "openat", "openat2"]);
        assert_eq!(calls_of("break"), ["brk"]);
        assert_eq!(calls_of("rmdir"), ["rmdir", "unlinkat"]);
        assert_eq!(calls_of("fork"), ["clone", "fork", "vfork"]);
        assert_eq!(calls_of("unknown-318"), ["getrandom"]);
        assert_eq!(calls_of("setuid16"), ["setuid"]);
        assert_eq!(calls_of("ORE_getcpu"), ["getcpu"]);
    }

    #[test]
    fn other_names() {
        assert_eq!(meaning("fsread"), Named::Alias(Alias::Read));
        assert_eq!(meaning("kbind"), Named::Nothing);
        assert_eq!(meaning("ni_syscall-34"), Named::Nothing);
        assert_eq!(meaning("unknown-9999"), Named::Unknown);
        assert_eq!(meaning("opne"), Named::Unknown);
    }

    #[test]
    fn nothing_names_no_form() {
        assert!(NOTHING.iter().all(|name| !BY_NAME.contains_key(name)));
    }
}
