//! A Landlock ruleset for one container: the names of rules become the folders and files that bear them.
//!
//! Landlock knows inodes, rules know names. A name is fit for Landlock if it means one inode, if that inode is seen under no
//! other name, and if it keeps its name. The last is the ruleset's own doing: nobody whom it confines has the right to move
//! or remove what a rule names itself.

use crate::confinement::Entry;
use crate::environment::View;
use crate::filter::Filter;
use crate::sys::files::place;
use crate::sys::landlock;
use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat, major, minor};
use policy::{FileName, Policy, RuleId};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// What a container is put under if every name is fit.
#[derive(Debug, Clone)]
pub struct Fence {
    /// The filter that goes with the ruleset: it lets calls through that the ruleset judges.
    pub filter: Filter,
    /// The rights that the ruleset denies where it does not grant them (`LANDLOCK_ACCESS_FS_*`).
    pub handled: u64,
    /// What is granted on the folders that the rules name.
    pub granted: u64,
    /// What of it can be granted on files.
    pub of_files: u64,
    /// Rules of the first policy, whose file names have these rights.
    pub rules: Vec<RuleId>,
    /// What is granted on the root folder.
    pub everywhere: u64,
    /// The rights on ports that the ruleset denies where it does not grant them (`LANDLOCK_ACCESS_NET_*`).
    pub handled_ports: u64,
    /// Rights, each with the port on which it is granted.
    pub ports: Vec<(u64, u16)>,
}

impl Fence {
    /// The ruleset without what is granted on files.
    fn create(&self) -> Result<OwnedFd, Errno> {
        // An older kernel does not know the second number.
        if self.handled_ports == 0 {
            return landlock::create_ruleset(self.handled);
        }
        let ruleset = landlock::create_ruleset_with_ports(self.handled, self.handled_ports)?;
        for (rights, port) in &self.ports {
            landlock::grant_port(ruleset.as_fd(), *rights, *port)?;
        }
        Ok(ruleset)
    }
}

/// Landlock cannot stand for the rules in this container.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The container cannot be looked at.
    #[error("cannot look into the container")]
    Look(#[source] std::io::Error),
    /// The policy means nothing in the container; the supervisor will say so too.
    #[error("{0}")]
    Bind(String),
    /// A name cannot be had as a rule of Landlock.
    #[error("{rule}: {name} {why}")]
    Name {
        /// `file:line`.
        rule: String,
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The kernel refuses the ruleset.
    #[error("the kernel refuses the Landlock ruleset")]
    Refused(#[source] Errno),
}

/// Makes the ruleset for the container that a process is in. The process must not run the workload yet.
///
/// # Errors
/// [`Unfit`].
pub fn raise(fence: &Fence, policy: &Policy, entry: &Entry, pid: i32) -> Result<OwnedFd, Unfit> {
    let ruleset = fence.create().map_err(Unfit::Refused)?;
    if fence.rules.is_empty() && fence.everywhere == 0 {
        return Ok(ruleset);
    }
    let ground = Ground::of(entry, pid).map_err(Unfit::Look)?;
    if fence.everywhere != 0 {
        let root = ground.view.root();
        landlock::grant(ruleset.as_fd(), fence.everywhere, root).map_err(Unfit::Refused)?;
    }
    let policy = policy.bind(&ground.view).map_err(|errors| {
        Unfit::Bind(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    for id in &fence.rules {
        let rule = policy.rule(*id);
        let names: BTreeSet<FileName> =
            rule.condition.file_names().unwrap_or_default().into_iter().collect();
        for name in &names {
            let found = ground.find(name, &names).map_err(|why| Unfit::Name {
                rule: rule.origin.to_string(),
                name: String::from_utf8_lossy(name.text()).into_owned(),
                why,
            })?;
            let Some((file, kind)) = found else { continue };
            let rights = match kind {
                SFlag::S_IFDIR => fence.granted,
                _ => fence.granted & fence.of_files,
            };
            // The kernel takes no rule that grants nothing (ENOMSG).
            if rights != 0 {
                landlock::grant(ruleset.as_fd(), rights, file.as_fd()).map_err(Unfit::Refused)?;
            }
        }
    }
    Ok(ruleset)
}

/// What is to be known of a container's files.
struct Ground {
    view: View,
    mounts: Vec<Mount>,
}

type Found = Option<(OwnedFd, SFlag)>;

impl Ground {
    fn of(entry: &Entry, pid: i32) -> std::io::Result<Self> {
        let options = OpenOptions::new().read(true).custom_flags(libc::O_PATH).to_owned();
        let root = options.open(format!("/proc/{pid}/root"))?;
        let mounts = std::fs::read(format!("/proc/{pid}/mountinfo"))?;
        let mounts = mounts.split(|byte| *byte == b'\n').filter_map(Mount::read).collect();
        Ok(Self { view: View::new(root.into(), entry.clone()), mounts })
    }

    /// What bears a name and is to be granted; nothing if the name is only another spelling of one that is.
    fn find(&self, name: &FileName, names: &BTreeSet<FileName>) -> Result<Found, &'static str> {
        let text = name.text();
        if !is_canonical(text) {
            return Err("is not the name of a file");
        }
        let (file, real) =
            self.view.reach(text).ok_or("does not exist when the container starts")?;
        if real != text {
            let same = |other: &FileName| {
                other.text() == real
                    && matches!(other, FileName::Tree(_)) == matches!(name, FileName::Tree(_))
            };
            // A link that does not count (`View::resolve`) makes the rule mean nothing but the link.
            return if names.iter().any(same) { Ok(None) } else { Err("is a link to elsewhere") };
        }
        let status = fstat(&file).map_err(|_| "cannot be looked at")?;
        let kind = SFlag::from_bits_truncate(status.st_mode & libc::S_IFMT);
        match (name, kind) {
            // The folder stays where it is, and what lies in it is not meant.
            (FileName::Only(_), SFlag::S_IFDIR) => return Ok(None),
            (_, SFlag::S_IFREG) if status.st_nlink != 1 => return Err("has other hard links"),
            (_, SFlag::S_IFLNK) => return Err("is a symbolic link"),
            _ => {}
        }
        // The runtime hides files of proc(5) under the null device: those are no other way to a file.
        let null =
            kind == SFlag::S_IFCHR && (major(status.st_rdev), minor(status.st_rdev)) == (1, 3);
        if !null && self.is_seen_twice(&file, &real).ok_or("cannot be found among the mounts")? {
            return Err("is mounted in another place too");
        }
        Ok(Some((file, kind)))
    }

    /// Another mount shows the same file: under another name, or hidden by a later mount.
    fn is_seen_twice(&self, file: &OwnedFd, name: &[u8]) -> Option<bool> {
        let mount = place(file.as_fd(), c"").ok()?.mount;
        let own = self.mounts.iter().find(|one| one.id == mount)?;
        let inside = below(name, &own.point)?;
        let place = join(&own.root, inside);
        let shows = |other: &Mount| {
            other.id != mount && other.device == own.device && below(&place, &other.root).is_some()
        };
        Some(self.mounts.iter().any(shows))
    }
}

/// A line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    id: u64,
    device: Vec<u8>,
    /// The folder of the file system that is mounted.
    root: Vec<u8>,
    /// Where, in the process's root.
    point: Vec<u8>,
}

impl Mount {
    fn read(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let device = fields.nth(1)?.to_vec();
        Some(Self { id, device, root: plain(fields.next()?), point: plain(fields.next()?) })
    }
}

/// Blanks and backslashes are written as three octal digits behind a backslash.
fn plain(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let octal =
            |digits: &[u8; 3]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok();
        match escaped.and_then(octal) {
            Some(byte) => {
                out.push(byte);
                rest = &after[3..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// What of a name lies below a folder; `Some(b"")` for the folder itself.
fn below<'n>(name: &'n [u8], folder: &[u8]) -> Option<&'n [u8]> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    let rest = name.strip_prefix(folder)?;
    matches!(rest.first(), None | Some(b'/')).then_some(rest)
}

fn join(folder: &[u8], rest: &[u8]) -> Vec<u8> {
    [folder.strip_suffix(b"/").unwrap_or(folder), rest].concat()
}

/// Absolute, not the root, without anything that resolved names do not have.
fn is_canonical(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"/") else { return false };
    !name.contains(&0)
        && rest.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read() {
        let line = br"36 35 98:0 /mnt\0401 /a\134b rw,noatime master:1 - ext3 /dev/root rw";
        let mount = Mount::read(line).unwrap();
        assert_eq!((mount.id, mount.device.as_slice()), (36, &b"98:0"[..]));
        assert_eq!(
            (mount.root.as_slice(), mount.point.as_slice()),
            (&b"/mnt 1"[..], &br"/a\b"[..])
        );
        assert_eq!(Mount::read(b""), None);
    }

    #[test]
    fn only_plain_absolute_names_can_be_granted() {
        for name in ["/tmp", "/a/b.c/..d"] {
            assert!(is_canonical(name.as_bytes()), "{name}");
        }
        for name in ["", "/", "tmp", "/tmp/", "//tmp", "/a/./b", "/a/../b", "$HOME"] {
            assert!(!is_canonical(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_below_folders() {
        assert_eq!(below(b"/a/b", b"/a"), Some(&b"/b"[..]));
        assert_eq!(below(b"/a", b"/"), Some(&b"/a"[..]));
        assert_eq!(below(b"/ab", b"/a"), None);
        assert_eq!(join(b"/", b"/x"), b"/x");
    }
}
