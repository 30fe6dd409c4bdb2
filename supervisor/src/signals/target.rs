//! Who would get a signal, and the program that it runs.

use super::is_for_group;
use crate::caller::Caller;
use crate::host;
use crate::notification::{Denial, Notification};
use crate::sys::files::place;
use crate::sys::process::{self, Numbers};
use crate::sys::signal::{Info, send};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{Pid, getpgid};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// The receiver of a signal as rules know it.
#[derive(Debug)]
pub struct Target {
    /// The program, or what stands for it.
    pub name: Vec<u8>,
    pub(super) aim: Aim,
}

/// How a receiver is reached.
#[derive(Debug)]
pub(super) enum Aim {
    /// The caller's own process.
    Itself,
    /// The caller's own group, or everybody.
    Several,
    /// Another process, thread or group.
    Task(Task),
    /// The signal fails.
    Nobody(Errno),
}

/// A process or thread that stays the same, whoever gets its number.
#[derive(Debug)]
pub(super) struct Task {
    pub fd: OwnedFd,
    /// The group that it leads is meant.
    pub is_group: bool,
    /// It is the first process of the caller's pid namespace.
    pub is_first: bool,
    /// That is in the same group.
    pub spares_group: bool,
}

/// What rules see where no program is known.
const UNKNOWN: &[u8] = b"<unknown>";

impl Target {
    /// Who gets the signal of this call.
    ///
    /// # Errors
    /// [`Denial::Gone`], or a refusal if the caller's pid namespace cannot be looked at.
    pub fn of(
        worker: &Worker,
        caller: &Caller<'_>,
        notification: &Notification,
    ) -> Result<Self, Denial> {
        let folder = caller.folder()?;
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let namespace = caller.fully(|| openat(folder, "ns/pid", flags, Mode::empty()));
        let search = namespace.map(|namespace| Search { worker, caller, namespace });
        match search.map_err(Denial::from).and_then(|search| search.of(notification)) {
            Err(Denial::Caller(errno)) => {
                Ok(Self { name: UNKNOWN.to_vec(), aim: Aim::Nobody(errno) })
            }
            other => other,
        }
    }

    fn several(name: &[u8]) -> Self {
        Self { name: name.to_vec(), aim: Aim::Several }
    }
}

/// A look from one caller.
struct Search<'s> {
    worker: &'s Worker,
    caller: &'s Caller<'s>,
    /// The pid namespace whose numbers it uses.
    namespace: OwnedFd,
}

impl Search<'_> {
    fn of(&self, notification: &Notification) -> Result<Target, Denial> {
        let (first, second) = (notification.int(0), notification.int(1));
        match i64::from(notification.number.0) {
            libc::SYS_kill => self.kill(first),
            libc::SYS_tkill => self.thread(None, first),
            libc::SYS_tgkill | libc::SYS_rt_tgsigqueueinfo => self.thread(Some(first), second),
            libc::SYS_pidfd_send_signal => self.descriptor(first, is_for_group(notification)),
            _ => self.process(first),
        }
    }

    fn kill(&self, number: i32) -> Result<Target, Denial> {
        match number {
            0 => Ok(Target::several(b"<own process group>")),
            -1 => Ok(Target::several(b"<every process: -1>")),
            ..-1 => self.group(number.checked_neg().ok_or(Errno::ESRCH)?),
            _ => self.process(number),
        }
    }

    /// A number of any thread of a process is good for that.
    fn process(&self, number: i32) -> Result<Target, Denial> {
        let (fd, leader) = self.open(number, Numbers::Process, process::open_process)?;
        let name = self.program(fd.as_fd(), leader)?;
        if leader == self.caller.tgid()?.0 {
            return Ok(Target { name, aim: Aim::Itself });
        }
        Ok(Target { name, aim: Aim::Task(self.task(fd, leader)?) })
    }

    /// `process` is the one that the thread must belong to.
    fn thread(&self, process: Option<i32>, number: i32) -> Result<Target, Denial> {
        if number <= 0 || process.is_some_and(|process| process <= 0) {
            return Err(Errno::EINVAL.into());
        }
        let (fd, thread) = self.open(number, Numbers::Thread, process::open_thread)?;
        let leader = self.translate(number, Numbers::Process)?;
        if let Some(process) = process
            && self.translate(process, Numbers::Thread)? != leader
        {
            return Err(Errno::ESRCH.into());
        }
        let name = self.program(fd.as_fd(), thread)?;
        // That a thread belongs to the caller's process is asked by the kernel only if the call names the process.
        let own = match process {
            Some(_) => leader == self.caller.tgid()?.0,
            None => thread == self.caller.tid().0,
        };
        if own {
            return Ok(Target { name, aim: Aim::Itself });
        }
        Ok(Target { name, aim: Aim::Task(self.task(fd, leader)?) })
    }

    /// A group is known by the process that leads it. Without one nothing holds its number.
    fn group(&self, number: i32) -> Result<Target, Denial> {
        match self.open(number, Numbers::Thread, process::open_process) {
            Ok((fd, leader)) => {
                let name = group_name(&self.program(fd.as_fd(), leader)?);
                let task = Task { is_group: true, ..self.task(fd, leader)? };
                Ok(Target { name, aim: Aim::Task(task) })
            }
            Err(Denial::Caller(errno)) => {
                Ok(Target { name: group_name(UNKNOWN), aim: Aim::Nobody(errno) })
            }
            Err(denial) => Err(denial),
        }
    }

    /// With `PIDFD_SIGNAL_PROCESS_GROUP` the process stands for the group that it leads.
    fn descriptor(&self, number: i32, is_group: bool) -> Result<Target, Denial> {
        let fd = self.caller.duplicate(number)?;
        let ids = process::ids(fd.as_fd()).map_err(|errno| match errno {
            Errno::ENOTTY | Errno::EINVAL => Errno::EBADF,
            other => other,
        })?;
        // As the kernel asks (`access_pidfd_pidns`): only what the caller can see.
        if process::number_in(self.namespace.as_fd(), ids.tgid).is_err() {
            return Err(Errno::EINVAL.into());
        }
        let program = self.program(fd.as_fd(), ids.tgid)?;
        let name = if is_group { group_name(&program) } else { program };
        let task = Task { is_group, ..self.task(fd, ids.tgid)? };
        Ok(Target { name, aim: Aim::Task(task) })
    }

    fn task(&self, fd: OwnedFd, leader: i32) -> Result<Task, Denial> {
        let first = self.translate(1, Numbers::Process)?;
        let group = |number| getpgid(Some(Pid::from_raw(number))).ok();
        let spares_group = group(first) == group(leader);
        Ok(Task { fd, is_group: false, is_first: first == leader, spares_group })
    }

    /// Whoever has the number while we look has it during the call: the caller waits.
    fn open(
        &self,
        number: i32,
        numbers: Numbers,
        open: fn(i32) -> Result<OwnedFd, Errno>,
    ) -> Result<(OwnedFd, i32), Denial> {
        let found = self.translate(number, numbers)?;
        let fd = open(found).map_err(|errno| match errno {
            // Numbers of threads that lead no process.
            Errno::EINVAL | Errno::ENOENT => Errno::ESRCH,
            other => other,
        })?;
        if self.translate(number, numbers)? == found {
            Ok((fd, found))
        } else {
            Err(Errno::ESRCH.into())
        }
    }

    fn translate(&self, number: i32, numbers: Numbers) -> Result<i32, Denial> {
        if number <= 0 {
            return Err(Errno::ESRCH.into());
        }
        Ok(process::translate(self.namespace.as_fd(), number, numbers)?)
    }

    /// The program of a task, by the name that it has in the container. One with another root has none there.
    fn program(&self, task: BorrowedFd<'_>, number: i32) -> Result<Vec<u8>, Denial> {
        let link = |name: &str| format!("{number}/{name}");
        let root = CString::new(link("root")).map_err(|_| Errno::EINVAL)?;
        let (name, same) = self.caller.fully(|| {
            let name = program(link("exe").as_str());
            let roots = [place(host::proc(), &root), place(self.worker.container().root(), c"")];
            let roots = roots.map(|root| root.map(|root| (root.device, root.inode)));
            (name, roots[0].is_ok() && roots[0] == roots[1])
        });
        // If it lives, it had the number when the link was read.
        let lives = self.caller.fully(|| send(task, 0, None::<&Info>, 0)).is_ok();
        let known = name.ok().filter(|_| same && lives);
        Ok(known.unwrap_or_else(|| UNKNOWN.to_vec()))
    }
}

/// What rules see of a group that is led by this program.
fn group_name(program: &[u8]) -> Vec<u8> {
    let name = if program == UNKNOWN { b"unknown" } else { program };
    [b"pg:", name].concat()
}

/// Where a link to a program leads. One whose file was removed or replaced keeps its name.
fn program(link: &str) -> Result<Vec<u8>, Errno> {
    let mut name = readlinkat(host::proc(), link)?.into_vec();
    if name.ends_with(DELETED) && fstatat(host::proc(), link, AtFlags::empty())?.st_nlink == 0 {
        name.truncate(name.len() - DELETED.len());
    }
    Ok(name)
}

/// What the kernel adds to such a name (proc_pid_exe(5)).
const DELETED: &[u8] = b" (deleted)";
