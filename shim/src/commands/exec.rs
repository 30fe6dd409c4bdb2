//! `exec`: runs one more process in a container, confined like the first.

use std::cell::RefCell;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::container::{Container, ContainerStatus};
use libcontainer::syscall::syscall::SyscallType;
use nix::unistd::Pid;
use oci_spec::runtime::Process;
use serde_json::json;

use crate::bundle::Bundle;
use crate::cgroup::Cgroup;
use crate::cgroup::companions::Companions;
use crate::config::Settings;
use crate::confinement::EngineFilter;
use crate::container::{StateError, Store};
use crate::edits::Edits;
use crate::foreground::Relay;
use crate::identifier::ContainerId;
use crate::launch::ensure_folder_of;
use crate::stage::Stage;
use crate::terminal::{Console, Session};
use crate::workload::{Restraints, Role, Workload, readable};
use crate::{lent, pidfd, sockets, stdio, supervise};

/// Exit status of a failure of ours: other numbers are the program's.
pub const FAILURE: u8 = 255;

/// Run a process in a running container
#[derive(Debug, clap::Args)]
pub struct Exec {
    /// File with the process as JSON
    #[arg(short, long, value_name = "FILE")]
    process: Option<PathBuf>,
    /// Return when the process has started
    #[arg(short, long)]
    detach: bool,
    /// File that receives the pid of the process
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Unix socket that receives the terminal
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// Number of descriptors after standard error that the process gets
    #[arg(long, default_value_t = 0, value_name = "N")]
    preserve_fds: i32,
    /// Run it even if the container is paused
    #[arg(long)]
    ignore_paused: bool,
    /// Folder below the container's control group to run in
    #[arg(long, value_name = "PATH")]
    cgroup: Option<String>,
    /// Unix socket that receives a descriptor of the process
    #[arg(long, value_name = "SOCKET")]
    pidfd_socket: Option<PathBuf>,
    #[command(flatten)]
    described: Described,
    id: ContainerId,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// The flags that change the container's own process into the new one, where no file describes it.
#[derive(Debug, clap::Args)]
struct Described {
    /// Working directory
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Further variable, NAME=VALUE
    #[arg(short, long, value_name = "VARIABLE")]
    env: Vec<String>,
    /// Give it a terminal
    #[arg(short, long)]
    tty: bool,
    /// User number, and group number after a colon
    #[arg(short, long, value_name = "UID[:GID]", value_parser = parse_user)]
    user: Option<(u32, Option<u32>)>,
    /// Further group number
    #[arg(short = 'g', long, value_name = "GID")]
    additional_gids: Vec<u32>,
    /// Forbid it to gain privileges
    #[arg(long)]
    no_new_privs: bool,
}

/// Where the process is to be, beside in its container.
struct Wanted<'c> {
    console: Option<&'c Console>,
    sub_cgroup: Option<String>,
}

impl Exec {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let store = Store::new(&settings.config.root);
        let container = store.load(&self.id)?;
        self.ensure_joinable(&container)?;
        let own = store.own_folder(&self.id);
        let bundle = Bundle::copy_in(&own)?;
        let first = container.pid().context("the container has no process")?;
        let process = self.wanted_process(&bundle)?;
        let root = format!("/proc/{first}/root");
        let mut process =
            Edits::load(&own)?.of_joining(bundle.spec(), process, Path::new(&root))?;
        ensure_folder_of(self.pid_file.as_deref())?;
        let sub_cgroup = self.sub_cgroup(&container)?;
        let supervisor = supervise::connect(&own)?;
        sockets::ensure_none_inherited(&own, self.preserve_fds)?;
        let companions = Companions::of(&container.spec()?.cgroup_path, container.systemd());
        let workload = Workload::new(Restraints {
            users: self.users(&bundle, &container)?,
            doors: Some(companions.doors().context("cannot open the container's cgroups")?),
            supervisor: RefCell::new(Some(supervisor)),
            engine: EngineFilter::of(&bundle, &process)?,
            lent: lent::to_give_back(&process),
            new_keyring: true,
            role: Role::Joining,
            hooks: None,
        });
        stdio::give_inherited(bundle.spec(), &process).context("cannot give the output away")?;
        lent::lend(&mut process);
        let stage = Stage::set(&own, &container, &process)?;
        let console = self.console(&process, &own)?;
        let pid = self.join(&stage, workload, Wanted { console: console.as_ref(), sub_cgroup })?;
        drop(stage);
        pidfd::send(self.pidfd_socket.as_deref(), pid.as_raw())
            .context("cannot send the process's descriptor")?;
        if self.detach {
            return Ok(ExitCode::SUCCESS);
        }
        let relay = Relay::begin()?;
        let far = console.map(|console| console.receive()).transpose().context("no terminal")?;
        let session = far.map(Session::begin).transpose().context("cannot use the terminal")?;
        let status = relay.wait(pid, session.as_ref()).context("cannot wait for the process")?;
        Ok(ExitCode::from(status))
    }

    /// In the foreground the far end of a terminal comes to us.
    fn console(&self, process: &Process, folder: &Path) -> anyhow::Result<Option<Console>> {
        let own = !self.detach && self.console_socket.is_none();
        if !own || process.terminal() != Some(true) {
            return Ok(None);
        }
        Console::listen(folder).context("cannot make a console socket").map(Some)
    }

    /// The container's user namespace, if it has one of its own.
    fn users(&self, bundle: &Bundle, container: &Container) -> anyhow::Result<Option<OwnedFd>> {
        if !bundle.has_own_users() {
            return Ok(None);
        }
        let first = container.pid().context("the container has no process")?;
        let file = fs::File::open(format!("/proc/{first}/ns/user"))
            .context("cannot find the container's user namespace")?;
        Ok(Some(file.into()))
    }

    fn ensure_joinable(&self, container: &Container) -> Result<(), StateError> {
        match container.status() {
            // A container that waits for its start may be joined, as under runc.
            ContainerStatus::Running | ContainerStatus::Created => Ok(()),
            ContainerStatus::Paused if self.ignore_paused => Ok(()),
            ContainerStatus::Paused => Err(StateError::Paused),
            ContainerStatus::Stopped | ContainerStatus::Creating => Err(StateError::Gone),
        }
    }

    /// libcontainer would make a folder that is not there, with the limits of the container's.
    fn sub_cgroup(&self, container: &Container) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.cgroup else { return Ok(None) };
        anyhow::ensure!(!path.contains(':'), "one control group for all controllers only");
        let joined = path.split('/').any(|part| part == "..")
            || Cgroup::has_nested(container, Path::new(path))?;
        anyhow::ensure!(joined, "adding pid to {path}/cgroup.procs: no such file or directory");
        Ok(Some(path.clone()))
    }

    fn wanted_process(&self, bundle: &Bundle) -> anyhow::Result<Process> {
        let Some(path) = &self.process else {
            return Ok(self.described.change(bundle.process()?.clone(), self.command.clone()));
        };
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read process file {}", path.display()))?;
        read_process(&text).with_context(|| format!("process file {} is wrong", path.display()))
    }

    fn join(&self, stage: &Stage, workload: Workload, wanted: Wanted<'_>) -> anyhow::Result<Pid> {
        let socket = wanted.console.map(Console::path).or(self.console_socket.as_ref());
        let pid = ContainerBuilder::new(self.id.to_string(), SyscallType::default())
            .with_executor(workload)
            .with_root_path(stage.root())?
            .with_pid_file(self.pid_file.as_ref())?
            .with_console_socket(socket)
            .with_preserved_fds(self.preserve_fds)
            .as_tenant()
            // libcontainer takes a socket only for one that is detached; nothing else depends on it.
            .with_detach(self.detach || wanted.console.is_some())
            .with_ignore_paused(self.ignore_paused)
            .with_sub_cgroup(wanted.sub_cgroup)
            .with_process(Some(stage.process()))
            .build()
            .map_err(|error| readable(&error))
            .context("exec failed")?;
        Ok(Pid::from_raw(pid.as_raw()))
    }
}

impl Described {
    fn change(&self, mut process: Process, command: Vec<String>) -> Process {
        process.set_args(Some(command)).set_terminal(Some(self.tty));
        let mut env = process.env().clone().unwrap_or_default();
        env.extend(self.env.iter().cloned());
        process.set_env(Some(env));
        if let Some(folder) = &self.cwd {
            process.set_cwd(folder.clone());
        }
        if self.no_new_privs {
            process.set_no_new_privileges(Some(true));
        }
        let mut user = process.user().clone();
        if let Some((uid, gid)) = self.user {
            let gid = gid.unwrap_or(user.gid());
            user.set_uid(uid).set_gid(gid);
        }
        if !self.additional_gids.is_empty() {
            user.set_additional_gids(Some(self.additional_gids.clone()));
        }
        process.set_user(user);
        process
    }
}

/// What is left out of a process is its zero value, as runc reads it.
fn read_process(text: &str) -> serde_json::Result<Process> {
    let mut value: serde_json::Value = serde_json::from_str(text)?;
    if let Some(fields) = value.as_object_mut() {
        fields.entry("user").or_insert_with(|| json!({ "uid": 0, "gid": 0 }));
        fields.entry("cwd").or_insert_with(|| json!(""));
    }
    serde_json::from_value(value)
}

fn parse_user(text: &str) -> Result<(u32, Option<u32>), String> {
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no user number"));
    match text.split_once(':') {
        Some((uid, gid)) => Ok((number(uid)?, Some(number(gid)?))),
        None => Ok((number(text)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers() {
        assert_eq!(parse_user("7"), Ok((7, None)));
        assert_eq!(parse_user("7:8"), Ok((7, Some(8))));
        assert!(parse_user("root").is_err());
    }

    #[test]
    fn flags_change_the_containers_process() {
        let described = Described {
            cwd: Some("/w".into()),
            env: vec!["A=1".into()],
            tty: false,
            user: Some((5, None)),
            additional_gids: vec![],
            no_new_privs: true,
        };
        let mut first = Process::default();
        first.set_env(Some(vec!["PATH=/bin".into()])).set_terminal(Some(true));
        let process = described.change(first, vec!["id".into()]);
        assert_eq!(process.env(), &Some(vec!["PATH=/bin".into(), "A=1".into()]));
        assert_eq!(process.args(), &Some(vec!["id".into()]));
        assert_eq!((process.user().uid(), process.user().gid()), (5, 0));
        assert_eq!(process.terminal(), Some(false));
        assert_eq!(process.no_new_privileges(), Some(true));
    }
}
