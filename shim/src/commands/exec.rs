//! `exec`: runs one more process in a container, confined like the first.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::container::{Container, ContainerStatus};
use libcontainer::syscall::syscall::SyscallType;
use nix::unistd::Pid;
use oci_spec::runtime::Process;

use crate::bundle::{Bundle, lend_admin, owns_admin};
use crate::cgroup::companions::Companions;
use crate::config::Settings;
use crate::confinement::EngineFilter;
use crate::container::{StateError, Store};
use crate::foreground::Relay;
use crate::identifier::ContainerId;
use crate::workload::{Restraints, Role, Workload, readable};
use crate::{stdio, supervise};

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

impl Exec {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let store = Store::new(&settings.config.root);
        let container = store.load_alive(&self.id)?;
        self.ensure_joinable(&container)?;
        let bundle = Bundle::open(container.bundle())?;
        let mut process = self.wanted_process(&bundle)?;
        let own = store.own_folder(&self.id);
        let supervisor = supervise::connect(&own)?;
        let workload = Workload::new(Restraints {
            supervisor: RefCell::new(Some(supervisor)),
            engine: EngineFilter::of(&bundle, &process)?,
            drop_admin: !owns_admin(&process),
            new_keyring: true,
            role: Role::Joining,
        });
        stdio::give_inherited(bundle.spec(), &process).context("cannot give the output away")?;
        lend_admin(&mut process);
        let file = ProcessFile::write(&own, &process)?;
        let visit = Companions::of(&container.spec()?.cgroup_path, container.systemd()).visit()?;
        let pid = self.join(&store, workload, file.path())?;
        drop((file, visit));
        if self.detach {
            return Ok(ExitCode::SUCCESS);
        }
        let status = Relay::begin()?.wait(pid).context("cannot wait for the process")?;
        Ok(ExitCode::from(status))
    }

    fn ensure_joinable(&self, container: &Container) -> Result<(), StateError> {
        match container.status() {
            ContainerStatus::Running => Ok(()),
            ContainerStatus::Paused if self.ignore_paused => Ok(()),
            _ => Err(StateError::NotRunning),
        }
    }

    fn wanted_process(&self, bundle: &Bundle) -> anyhow::Result<Process> {
        let Some(path) = &self.process else {
            return Ok(self.described.change(bundle.process()?.clone(), self.command.clone()));
        };
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read process file {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("process file {} is wrong", path.display()))
    }

    fn join(&self, store: &Store, workload: Workload, process: &Path) -> anyhow::Result<Pid> {
        let pid = ContainerBuilder::new(self.id.to_string(), SyscallType::default())
            .with_executor(workload)
            .with_root_path(store.root())?
            .with_pid_file(self.pid_file.as_ref())?
            .with_console_socket(self.console_socket.as_ref())
            .with_preserved_fds(self.preserve_fds)
            .as_tenant()
            .with_detach(self.detach)
            .with_ignore_paused(self.ignore_paused)
            .with_process(Some(process))
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

/// The process as libcontainer reads it, in our folder; removed when it has started or failed.
struct ProcessFile(PathBuf);

impl ProcessFile {
    fn write(folder: &Path, process: &Process) -> anyhow::Result<Self> {
        let file = Self(folder.join(format!("exec-{}.json", std::process::id())));
        fs::write(file.path(), serde_json::to_vec(process)?)
            .with_context(|| format!("cannot write {}", file.path().display()))?;
        Ok(file)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ProcessFile {
    fn drop(&mut self) {
        // A leftover file goes with the container; there is nobody to tell about it now.
        let _ = fs::remove_file(&self.0);
    }
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
