//! The credentials, root and masks that a serving thread takes on to act as a caller would.
//!
//! The thread stays root on the host: real and saved ids are 0 and every capability stays permitted. What file system
//! calls look at is the caller's: file system ids, supplementary groups, umask and root folder, which change only when the
//! caller does, and the effective capabilities, which are the caller's only while an [`Acting`] lives: with them we could
//! neither read the caller's memory nor copy its descriptors. The effective ids are the caller's too, because `/proc/sys`
//! compares those.

use crate::assumed::Assumed;
use crate::caller::Caller;
use crate::container::Container;
use crate::host;
use crate::notification::{Denial, NotificationId};
use crate::plain::is_plain;
use crate::powers::Powers;
use crate::resolve::{self, Jail};
use crate::status::Status;
use crate::sys::credentials::{self, Users};
use crate::sys::files::{Place, place};
use nix::errno::Errno;
use nix::fcntl::readlinkat;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, chroot, fchdir};
use std::borrow::Cow;
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// What the thread has taken on.
#[derive(Debug)]
pub struct Identity {
    powers: Rc<Powers>,
    /// The thread is in the container's own user namespace.
    inside: bool,
    user_namespace: OsString,
    worn: Option<Worn>,
    /// The container's root, and where it is.
    container: (OwnedFd, Place),
    root: Option<Place>,
    known: Option<(NotificationId, Who, u64)>,
    /// The ids that a rule names for the present call.
    assumed: Option<Assumed>,
}

/// What permission checks compare, apart from capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Worn {
    euid: u32,
    egid: u32,
    fsuid: u32,
    fsgid: u32,
    groups: Vec<u32>,
    umask: u32,
}

impl Worn {
    fn put_on(&self) -> Result<(), Errno> {
        credentials::set_groups(&self.groups)?;
        credentials::set_effective_group(self.egid)?;
        credentials::set_fsgid(self.fsgid)?;
        credentials::set_effective_user(self.euid)?;
        credentials::set_fsuid(self.fsuid)?;
        umask(Mode::from_bits_truncate(self.umask));
        Ok(())
    }
}

/// Which of the caller's two users asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The file system user with the effective capabilities: every call but access(2).
    Effective,
    /// The real user: access(2) tells a set-user-ID program what its user may do.
    Real,
}

impl Identity {
    /// Makes the calling thread able to act as others: it gets a root and a umask of its own (`CLONE_FS`, unshare(2)).
    /// `container` is the root of those others, unless they change it.
    ///
    /// # Errors
    /// EPERM if we are not privileged.
    pub fn new(container: &Container) -> Result<Self, Errno> {
        // A process inside of the namespace shares the supervisor's descriptors, which must keep theirs.
        let inside = container.user_namespace().is_some() && host::is_another_process();
        if inside {
            host::open_own_descriptors()?;
        } else {
            host::open_folders()?;
        }
        let container = container.root();
        unshare(CloneFlags::CLONE_FS)?;
        let powers = Rc::new(Powers::new()?);
        let user_namespace = readlinkat(host::proc(), "thread-self/ns/user")?;
        let place = place(container, c"")?;
        let container = (container.try_clone_to_owned().map_err(|_| Errno::EMFILE)?, place);
        Ok(Self {
            powers,
            inside,
            user_namespace,
            worn: None,
            container,
            root: None,
            known: None,
            assumed: None,
        })
    }

    /// The thread's capabilities.
    #[must_use]
    pub fn powers(&self) -> &Rc<Powers> {
        &self.powers
    }

    /// From now on acts with these ids in place of the caller's, or with the caller's again.
    pub fn assume(&mut self, assumed: Option<Assumed>) {
        (self.assumed, self.known) = (assumed, None);
    }

    /// The call is made with other ids than the caller's: the caller must not make it itself.
    #[must_use]
    pub fn is_assumed(&self) -> bool {
        self.assumed.is_some()
    }

    /// Acts as the caller until the result is dropped.
    ///
    /// # Errors
    /// [`Denial::Gone`], or a refusal if the thread cannot become what the caller is.
    pub fn act_as(&mut self, caller: &Caller<'_>, who: Who) -> Result<Acting<'_>, Denial> {
        let effective = match self.known {
            Some((id, known, effective)) if (id, known) == (caller.notification().id, who) => {
                effective
            }
            _ => self.become_like(caller, who)?,
        };
        self.powers.begin(effective);
        Ok(Acting { effective, linger: is_plain(caller.notification()), identity: self })
    }

    /// Takes on what a caller is; gives the capabilities to act with. A caller that waits changes nothing of itself, so one
    /// look serves for the whole call.
    fn become_like(&mut self, caller: &Caller<'_>, who: Who) -> Result<u64, Denial> {
        self.known = None;
        self.enter_root(caller)?;
        self.wear(caller, who)?;
        let effective = self.capabilities_of(caller, who)?;
        self.known = Some((caller.notification().id, who, effective));
        Ok(effective)
    }

    fn enter_root(&mut self, caller: &Caller<'_>) -> Result<(), Denial> {
        if self.root.is_some() && self.root == caller.root_place().ok() {
            return Ok(());
        }
        self.root = None;
        let root = caller.root()?;
        self.powers.fully(|| {
            fchdir(&root)?;
            chroot(".")
        })?;
        let reached = place(root.as_fd(), c"")?;
        // In a copy of the container's mounts (unshare(2)) the root is the same folder on another mount.
        let same =
            (reached.device, reached.inode) == (self.container.1.device, self.container.1.inode);
        let container = || self.container.0.try_clone().map_err(|_| Errno::EMFILE);
        let jail = (!same).then(|| Ok::<_, Errno>(Jail { container: container()?, caller: root }));
        resolve::remember(jail.transpose()?);
        self.root = Some(reached);
        Ok(())
    }

    fn wear(&mut self, caller: &Caller<'_>, who: Who) -> Result<(), Denial> {
        let status = caller.status()?;
        let id = if who == Who::Real { 0 } else { 3 };
        let (user, group) =
            self.assumed.map_or((None, None), |assumed| (assumed.user, assumed.group));
        let groups = if user.is_some() { Cow::default() } else { self.groups_of(status) };
        let (euid, fsuid) = (user.unwrap_or(status.uids[1]), user.unwrap_or(status.uids[id]));
        let (egid, fsgid) = (group.unwrap_or(status.gids[1]), group.unwrap_or(status.gids[id]));
        let umask = status.umask;
        let same = |worn: &Worn| {
            (worn.euid, worn.egid, worn.fsuid, worn.fsgid) == (euid, egid, fsuid, fsgid)
                && worn.umask == umask
                && worn.groups == *groups
        };
        if self.worn.as_ref().is_some_and(same) {
            return Ok(());
        }
        self.worn = None;
        let worn = Worn { euid, egid, fsuid, fsgid, groups: groups.into_owned(), umask };
        let put_on = self.powers.fully(|| worn.put_on());
        self.powers.changed_users();
        put_on?;
        self.worn = Some(worn);
        Ok(())
    }

    /// The supplementary groups to act with. Inside a user namespace every group that has no number there is shown by one and the
    /// same (`/proc/sys/kernel/overflowgid`), which may be another group's number: it is left out.
    fn groups_of<'s>(&self, status: &'s Status) -> Cow<'s, [u32]> {
        const OVERFLOW: u32 = 65534;
        if !self.inside || !status.groups.contains(&OVERFLOW) {
            return Cow::Borrowed(&status.groups);
        }
        status.groups.iter().copied().filter(|group| *group != OVERFLOW).collect()
    }

    /// The capabilities to act with. Those of another user namespace mean nothing here, so such a caller has none: it
    /// may be refused what its namespace would allow it, never the reverse. Who has none anyway is not asked where.
    fn capabilities_of(&self, caller: &Caller<'_>, who: Who) -> Result<u64, Denial> {
        let status = caller.status()?;
        if let Some(assumed) = self.assumed
            && let Some(named) = assumed.capabilities(caller)?
        {
            if caller.is_foreign(&self.user_namespace)? {
                return Err(Denial::because(
                    "no call is made `as` another user for a user namespace",
                ));
            }
            return Ok(named & self.powers.all());
        }
        let theirs = match who {
            Who::Effective => status.effective,
            // access(2) as the kernel defines it: the real root has what is permitted, others have nothing.
            Who::Real if status.uids[0] == 0 => status.permitted,
            Who::Real => 0,
        };
        let foreign = theirs != 0 && caller.is_foreign(&self.user_namespace)?;
        Ok(if foreign { 0 } else { theirs & self.powers.all() })
    }
}

/// The calling thread has the caller's effective capabilities while this lives.
#[derive(Debug)]
#[must_use]
pub struct Acting<'i> {
    effective: u64,
    /// The caller's capabilities may stay in effect afterwards.
    linger: bool,
    identity: &'i mut Identity,
}

impl Acting<'_> {
    /// The user whose files these acts would make.
    #[must_use]
    pub fn fsuid(&self) -> u32 {
        self.identity.worn.as_ref().map_or(u32::MAX, |worn| worn.fsuid)
    }

    /// Whether one of the caller's capabilities is effective on the host, not only over what belongs to its user namespace.
    #[must_use]
    pub fn has(&self, capability: u32) -> bool {
        !self.identity.inside && self.effective & (1 << capability) != 0
    }

    /// Whether the caller has its ids in another user namespace than ours.
    ///
    /// # Errors
    /// [`Denial::Gone`].
    pub fn is_foreign(&self, caller: &Caller<'_>) -> Result<bool, Denial> {
        caller.is_foreign(&self.identity.user_namespace)
    }

    /// Does one thing while the working directory is our folder of descriptors, for the calls that take nothing but a name. Only
    /// then can a relative name of our own reach them: no caller's name is ever looked up in the working directory.
    ///
    /// # Errors
    /// The act's own.
    pub fn among_descriptors<T>(&self, act: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
        fchdir(host::descriptors())?;
        let result = act();
        self.with_our_powers(|| chdir("/"))?;
        result
    }

    /// Does one thing with our own capabilities, for what the kernel grants every process about itself.
    pub fn with_our_powers<T>(&self, act: impl FnOnce() -> T) -> T {
        self.identity.powers.fully(act)
    }

    /// Enters the namespaces that some files look up in their opener and not in their mount: `/proc/sys` shows the
    /// network's, the host name's and the message queues' of whoever opens it.
    ///
    /// # Errors
    /// [`Denial::Gone`], or a refusal.
    pub fn enter_namespaces(&self, caller: &Caller<'_>) -> Result<(), Denial> {
        let (all, pidfd) = (NAMESPACES.iter().map(|(_, flag)| *flag).collect(), caller.pidfd()?);
        match self.with_our_powers(|| setns(pidfd, all)) {
            Err(Errno::EPERM) => {}
            other => return Ok(other?),
        }
        // Inside a user namespace we have no power over those that the container shares with the host, and need none.
        for (link, flag) in NAMESPACES {
            let own =
                self.with_our_powers(|| readlinkat(host::proc(), &*format!("thread-self/{link}")))?;
            if caller.namespace(link)? != own {
                self.with_our_powers(|| setns(pidfd, *flag))?;
            }
        }
        Ok(())
    }
}

/// What files of proc(5) look up in their opener, by the names of proc_pid_ns(5).
const NAMESPACES: &[(&str, CloneFlags)] = &[
    ("ns/net", CloneFlags::CLONE_NEWNET),
    ("ns/ipc", CloneFlags::CLONE_NEWIPC),
    ("ns/uts", CloneFlags::CLONE_NEWUTS),
    ("ns/cgroup", CloneFlags::CLONE_NEWCGROUP),
];

impl Acting<'_> {
    /// Does one thing as the peer that a unix socket shows to the other side. `SO_PEERCRED` has the effective user of whoever
    /// connects, which is worn anyway; `SCM_CREDENTIALS` has the real user of whoever sends (unix(7)), which is put on
    /// here. The saved user stays root, so there is a way back. The process number that is shown is ours: no process
    /// can lend its own.
    ///
    /// # Errors
    /// What `act` says, or EPERM.
    pub fn as_peer<T>(
        &self,
        peer: &Status,
        act: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let powers = &self.identity.powers;
        let worn = self.identity.worn.as_ref().ok_or(Errno::EPERM)?;
        let back = PeerBack { powers, worn };
        powers.fully(|| back.become_real(peer.uids[0], peer.gids[0]))?;
        powers.changed_users();
        act()
    }
}

/// Takes the way back from [`Acting::as_peer`], to root who wears the caller's other users.
struct PeerBack<'p> {
    powers: &'p Powers,
    worn: &'p Worn,
}

impl PeerBack<'_> {
    fn become_real(&self, uid: u32, gid: u32) -> Result<(), Errno> {
        let Worn { euid, egid, fsuid, fsgid, .. } = self.worn;
        credentials::set_users(Users { uids: [uid, *euid, 0], gids: [gid, *egid, 0] })?;
        // They have followed the effective ones.
        credentials::set_fsgid(*fsgid)?;
        credentials::set_fsuid(*fsuid)
    }
}

impl Drop for PeerBack<'_> {
    fn drop(&mut self) {
        if self.powers.fully(|| self.become_real(0, 0)).is_err() {
            std::process::abort();
        }
        self.powers.changed_users();
    }
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        self.identity.powers.end(self.linger);
    }
}
