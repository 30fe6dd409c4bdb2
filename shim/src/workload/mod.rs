//! The container side: the last steps of our own code before the workload's program.

mod devices;
pub mod search;
mod users;

use std::cell::RefCell;
use std::convert::Infallible;
use std::ffi::CString;
use std::io::{Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use caps::{CapSet, Capability};
use libcontainer::error::LibcontainerError;
use libcontainer::hooks::HookError;
use libcontainer::workload::{Executor, ExecutorError, ExecutorValidationError};
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, execve};
use oci_spec::runtime::{Process, Spec};
use supervisor::handoff::{Client, HandOffError, install_and_hand_over};

use crate::cgroup::companions::Doors;
use crate::confinement::EngineFilter;
use crate::hooks::StartHooks;
use crate::{sys, terminal};

/// Exit status of a first process that could not become the program, as under runc.
const FAILURE: i32 = 1;

/// What libcontainer runs in the container's first process, and in every process that joins it.
#[derive(Debug, Clone)]
pub struct Workload(Rc<Restraints>);

/// What a process is put under before it becomes the workload.
#[derive(Debug)]
pub struct Restraints {
    /// The connection to the supervisor, which has the filter and the Landlock ruleset; taken by the one process that is made.
    pub supervisor: RefCell<Option<Client>>,
    /// The ways into the container's control groups, for a process that joins it.
    pub doors: Option<Doors>,
    /// The container's user namespace, for a process that joins it: libcontainer leaves such a one outside.
    pub users: Option<OwnedFd>,
    /// The engine's own profile.
    pub engine: Option<EngineFilter>,
    /// What was lent for the start-up and has to be given back.
    pub lent: Vec<Capability>,
    /// The process leaves the engine's session keyring.
    pub new_keyring: bool,
    pub role: Role,
    /// What the engine wants run before the first program.
    pub hooks: Option<StartHooks>,
}

/// Which process of its container it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The first one. When it fails `create` has long returned: its own output is where to say so.
    First,
    /// One that joins a container; libcontainer tells `exec` of its failure.
    Joining,
}

/// The program cannot be run. The texts are those of runc: engines tell from them whether the exit
/// status is 127 (not found) or 126 (not permitted).
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    #[error("the container has no process")]
    NoProcess,
    #[error("the process has no arguments")]
    NoArguments,
    #[error("an argument or variable of the process contains a zero byte")]
    ZeroByte,
    #[error(transparent)]
    Search(#[from] search::SearchError),
    #[error("cannot join the container's cgroups")]
    Cgroups(#[source] std::io::Error),
    #[error("cannot enter the container's user namespace")]
    Users(#[source] users::UsersError),
    #[error("cannot leave the session keyring")]
    Keyring(#[source] Errno),
    #[error("cannot restore a signal's action")]
    Signal(#[source] Errno),
    #[error("the connection to the supervisor was used before")]
    Unsupervised,
    #[error(transparent)]
    HandOff(#[from] HandOffError),
    #[error("the kernel refuses the engine's seccomp profile")]
    Engine(#[source] Errno),
    #[error("cannot give back a capability")]
    GiveBack(#[source] caps::errors::CapsError),
    #[error("startContainer")]
    Hooks(#[source] HookError),
    #[error("cannot start the startContainer hooks")]
    Fork(#[source] Errno),
    #[error("cannot hear of the startContainer hooks")]
    Report(#[source] std::io::Error),
    #[error("error running hook: {0}")]
    HooksFailed(String),
    #[error("cannot make /dev read-only")]
    Devices(#[source] Errno),
    #[error("cannot give the terminal away")]
    Terminal(#[source] Errno),
    #[error("exec {path}: {}", search::reason(*.errno))]
    Exec { path: String, errno: Errno },
}

impl Workload {
    pub fn new(restraints: Restraints) -> Self {
        Self(Rc::new(restraints))
    }

    /// Everything that allocates or looks at files comes before the filters. Until execve(2) has succeeded
    /// the supervisor lets this thread's calls pass; the engine's profile, as under runc, applies to them.
    fn start(&self, spec: &Spec) -> Result<Infallible, WorkloadError> {
        let program = Program::of(spec)?;
        // Before it can make a socket: a socket stays in the control group that it was made in.
        if let Some(doors) = &self.0.doors {
            doors.enter().map_err(WorkloadError::Cgroups)?;
        }
        if let (Some(namespace), Some(process)) = (&self.0.users, spec.process()) {
            users::enter(namespace, process).map_err(WorkloadError::Users)?;
        }
        if self.0.new_keyring {
            sys::join_new_session_keyring().map_err(WorkloadError::Keyring)?;
        }
        sys::restore_sigpipe().map_err(WorkloadError::Signal)?;
        if let Some(hooks) = self.0.hooks.as_ref().filter(|hooks| !hooks.is_empty()) {
            self.run(hooks, no_new_privileges(spec))?;
        }
        if self.0.role == Role::First {
            devices::protect(spec).map_err(WorkloadError::Devices)?;
        }
        if let Some(process) = spec.process() {
            terminal::prepare(process).map_err(WorkloadError::Terminal)?;
        }
        let supervisor = self.0.supervisor.take().ok_or(WorkloadError::Unsupervised)?;
        let walls = supervisor.walls()?;
        install_and_hand_over(supervisor, &walls)?;
        self.narrow(no_new_privileges(spec))?;
        execve(&program.path, &program.arguments, &program.environment).map_err(|errno| {
            let path = program.path.to_string_lossy().into_owned();
            WorkloadError::Exec { path, errno }
        })
    }

    /// The hooks' programs are the image's: the engine's profile applies to them as under runc, and what was lent to us is not
    /// theirs. A child takes that on, since the profile may forbid what is still ahead of us.
    fn run(&self, hooks: &StartHooks, no_new_privileges: bool) -> Result<(), WorkloadError> {
        let (mut reader, mut writer) = pipe().map_err(WorkloadError::Report)?;
        let own = std::process::id();
        let child = match sys::fork().map_err(WorkloadError::Fork)? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                let outcome = self
                    .narrow(no_new_privileges)
                    .and_then(|()| hooks.run(own).map_err(WorkloadError::Hooks));
                if let Err(error) = &outcome {
                    // The status says that it failed, even if nobody hears why.
                    let _ = write!(writer, "{}", chain(error));
                }
                sys::exit_now(outcome.is_err().into())
            }
        };
        drop(writer);
        let mut reason = String::new();
        reader.read_to_string(&mut reason).map_err(WorkloadError::Report)?;
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, 0)) => Ok(()),
            _ => Err(WorkloadError::HooksFailed(reason)),
        }
    }

    /// The engine's profile and the capability, in runc's order: loading a filter takes the capability
    /// unless no_new_privs is set, and then a profile may well forbid capset(2).
    fn narrow(&self, no_new_privileges: bool) -> Result<(), WorkloadError> {
        if no_new_privileges {
            self.give_back()?;
        }
        if let Some(engine) = &self.0.engine {
            sys::install_filter(engine.program.instructions(), engine.flags)
                .map_err(WorkloadError::Engine)?;
        }
        if no_new_privileges { Ok(()) } else { self.give_back() }
    }

    /// They leave the permitted set last: the effective one is always a part of it.
    fn give_back(&self) -> Result<(), WorkloadError> {
        [CapSet::Effective, CapSet::Permitted]
            .into_iter()
            .flat_map(|set| self.0.lent.iter().map(move |one| (set, *one)))
            .try_for_each(|(set, one)| caps::drop(None, set, one))
            .map_err(WorkloadError::GiveBack)
    }
}

fn no_new_privileges(spec: &Spec) -> bool {
    spec.process().as_ref().and_then(Process::no_new_privileges).unwrap_or(false)
}

impl Executor for Workload {
    fn validate(&self, spec: &Spec) -> Result<(), ExecutorValidationError> {
        match Program::of(spec) {
            Ok(_) => Ok(()),
            Err(error) => Err(ExecutorValidationError::ArgValidationError(error.to_string())),
        }
    }

    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        let Err(error) = self.start(spec);
        let text = chain(&error);
        if self.0.role == Role::First {
            let _ = writeln!(std::io::stderr(), "{text}");
            sys::exit_now(FAILURE);
        }
        Err(ExecutorError::Other(text))
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A program ready to be executed.
struct Program {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    fn of(spec: &Spec) -> Result<Self, WorkloadError> {
        let process = spec.process().as_ref().ok_or(WorkloadError::NoProcess)?;
        let arguments = process.args().as_deref().unwrap_or_default();
        let name = arguments.first().ok_or(WorkloadError::NoArguments)?;
        let path = search::find(name, search::path_variable(process))?;
        Ok(Self {
            path: c_string(path.to_string_lossy().as_ref())?,
            arguments: arguments.iter().map(|text| c_string(text)).collect::<Result<_, _>>()?,
            environment: environment(process)?,
        })
    }
}

/// The variables of the spec in their order, the last of two with one name; then those that libcontainer
/// has set beside them (`HOME`, `LISTEN_FDS`).
fn environment(process: &Process) -> Result<Vec<CString>, WorkloadError> {
    let mut variables: Vec<(&str, &str)> = Vec::new();
    for entry in process.env().as_deref().unwrap_or_default() {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => variables.push((name, value)),
        }
    }
    let added: Vec<_> = ["HOME", "LISTEN_FDS", "LISTEN_PID"]
        .into_iter()
        .filter(|name| variables.iter().all(|(known, _)| known != name))
        .filter_map(|name| Some((name, std::env::var(name).ok()?)))
        .collect();
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    variables
        .into_iter()
        .chain(added)
        .map(|(name, value)| c_string(&format!("{name}={value}")))
        .collect()
}

fn c_string(text: &str) -> Result<CString, WorkloadError> {
    CString::new(text).map_err(|_| WorkloadError::ZeroByte)
}

/// The reason inside a failure of libcontainer. What the container side reports arrives as text that
/// each process on the way has put words before; the engine's user needs the last part only.
pub fn readable(error: &LibcontainerError) -> anyhow::Error {
    const RELAY: &str = "error in executing process : ";
    let text = error.to_string();
    let reason = text.rsplit_once(RELAY).map_or(text.as_str(), |(_, reason)| reason);
    anyhow::Error::msg(reason.trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(env: &[&str]) -> Process {
        let mut process = Process::default();
        process.set_env(Some(env.iter().map(|text| (*text).to_owned()).collect()));
        process
    }

    #[test]
    fn variables_keep_their_order_and_the_last_value_counts() {
        let text = environment(&process(&["B=1", "A=2", "HOME=/h", "B=3=4"])).unwrap();
        let text: Vec<_> = text.iter().map(|entry| entry.to_str().unwrap()).collect();
        assert_eq!(text[..3], ["B=3=4", "A=2", "HOME=/h"]);
    }

    #[test]
    fn the_words_of_the_way_are_taken_off() {
        let error = LibcontainerError::Other(
            "failed: error in executing process : exec: \"x\": permission denied\0\0".into(),
        );
        assert_eq!(readable(&error).to_string(), "exec: \"x\": permission denied");
    }
}
