//! What an execve must have loaded, compared before it runs.

use super::script::{self, FirstLine};
use crate::caller::Caller;
use crate::host;
use crate::identity::Who;
use crate::memory;
use crate::notification::{Denial, Tgid, Tid};
use crate::processes::FileId;
use crate::request::{Argument, Request};
use crate::resolve::{self, Aim, Name, Resolved};
use crate::worker::Worker;
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat};
use nix::sys::stat::{Mode, SFlag};
use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Scripts may name scripts as their interpreters; the kernel gives up after this many (`exec_binprm`).
const DEPTH: usize = 5;

/// `AT_EXECFN` of linux/auxvec.h: the name that was given to execve.
const AT_EXECFN: u64 = 31;

/// What was judged, in a form that can be compared with what was loaded.
///
/// A script is read a second time, by its interpreter, by name, when the program runs already. That open is judged by the rules
/// for files; who may change where the name leads can still choose the text, as without us.
#[derive(Debug)]
pub struct Expectation {
    /// The file that must run: the judged one, or the interpreter at the end of the chain if it is a script.
    runs: FileId,
    /// For a script: the name under which the interpreter will find it. The file that runs says nothing about it.
    script: Option<Vec<u8>>,
    /// The arguments that the program must see.
    arguments: Vec<Vec<u8>>,
}

impl Expectation {
    /// What a permitted execve must load.
    ///
    /// # Errors
    /// What the kernel would answer: EACCES for what is no regular file, ENOENT for a missing interpreter.
    pub fn of(worker: &mut Worker, caller: &Caller<'_>, request: &Request) -> Result<Self, Denial> {
        let judged =
            request.names().next().ok_or_else(|| Denial::because("no program to judge"))?;
        let mut arguments = arguments(request);
        let mut name = given_name(judged);
        let mut runs = FileId::of(&judged.object()?.fd)?;
        let mut line = first_line(judged)?;
        let script = line.is_some().then(|| name.clone());
        for _ in 0..DEPTH {
            let Some(FirstLine { interpreter, argument }) = line else {
                return Ok(Self { runs, script, arguments });
            };
            // The interpreter, its argument and the script's name take the place of the first argument.
            let path = interpreter.to_bytes().to_vec();
            arguments.splice(0..1, [path.clone()].into_iter().chain(argument).chain([name]));
            name = path;
            let resolved = resolve::resolve(worker, caller, asked(interpreter))?;
            runs = FileId::of(&resolved.object()?.fd)?;
            line = first_line(&resolved)?;
        }
        Err(Errno::ELOOP.into())
    }

    /// Compares with what a stopped process has loaded.
    ///
    /// # Errors
    /// What is different.
    pub fn check(&self, process: Tgid) -> Result<(), &'static str> {
        if FileId::of_program(process) != Ok(self.runs) {
            return Err("the program was exchanged after it was judged");
        }
        let loaded = read(process, "cmdline").map_err(|_| UNREADABLE)?;
        let expected = self.arguments.iter().flat_map(|text| text.iter().chain(&[0]));
        if !loaded.iter().eq(expected) {
            return Err("the arguments were exchanged after they were judged");
        }
        let Some(script) = &self.script else { return Ok(()) };
        let given = name_given_to_kernel(process).map_err(|_| UNREADABLE)?;
        if given.as_bytes() == script {
            Ok(())
        } else {
            Err("the script was exchanged after it was judged")
        }
    }
}

const UNREADABLE: &str = "the new program could not be compared with what was judged";

/// The kernel resolves an interpreter's name for the caller, from its working directory.
fn asked(path: CString) -> Name {
    Name {
        dirfd: libc::AT_FDCWD,
        path,
        aim: Aim::Object { follow: true },
        who: Who::Effective,
        or_descriptor: false,
        restrictions: ResolveFlag::empty(),
    }
}

/// The first line of a file, if it is a script. Only a regular file is opened: opening others may block or act.
fn first_line(resolved: &Resolved) -> Result<Option<FirstLine>, Denial> {
    let object = resolved.object()?;
    if object.kind() != SFlag::S_IFREG {
        return Err(Errno::EACCES.into());
    }
    let mut head = Vec::with_capacity(script::HEAD);
    let file = reopen(object.fd.as_fd())?;
    file.take(script::HEAD as u64).read_to_end(&mut head).map_err(|_| Errno::EIO)?;
    Ok(script::first_line(&head))
}

fn reopen(fd: BorrowedFd<'_>) -> Result<File, Errno> {
    let number = fd.as_raw_fd().to_string();
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    openat(host::descriptors(), number.as_str(), flags, Mode::empty()).map(File::from)
}

/// The name that the kernel gives a script's interpreter (`alloc_bprm`): what the caller wrote, or a path through `/dev/fd`.
fn given_name(judged: &Resolved) -> Vec<u8> {
    let (dirfd, path) = (judged.asked().dirfd, judged.asked().path.to_bytes());
    if dirfd == libc::AT_FDCWD || path.starts_with(b"/") {
        path.to_vec()
    } else if path.is_empty() {
        format!("/dev/fd/{dirfd}").into_bytes()
    } else {
        [format!("/dev/fd/{dirfd}/").as_bytes(), path].concat()
    }
}

/// The arguments as the kernel takes them. An empty vector becomes one empty argument (execve(2), NOTES).
fn arguments(request: &Request) -> Vec<Vec<u8>> {
    let vector = request.arguments.iter().find_map(|argument| match argument {
        Argument::Vector(texts) => Some(texts.clone()),
        _ => None,
    });
    vector.filter(|texts| !texts.is_empty()).unwrap_or_else(|| vec![Vec::new()])
}

/// The kernel's own copy of the name that this execve was given, on the new program's stack.
fn name_given_to_kernel(process: Tgid) -> Result<CString, Errno> {
    let auxv = read(process, "auxv").map_err(|_| Errno::EIO)?;
    let (pairs, _) = auxv.as_chunks::<16>();
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).unwrap_or_default();
    let pair = pairs.iter().find(|pair| word(&pair[..8]) == AT_EXECFN).ok_or(Errno::EIO)?;
    let address = word(&pair[8..]);
    memory::read_c_string(Tid(process.0), address, memory::PATH_MAX)?.ok_or(Errno::EIO)
}

fn read(process: Tgid, name: &str) -> Result<Vec<u8>, Errno> {
    let path = format!("{}/{name}", process.0);
    let fd =
        openat(host::proc(), path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    host::contents(fd)
}
