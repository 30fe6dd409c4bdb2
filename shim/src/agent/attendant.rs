//! One connection, in a process of its own.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use converter::bundle::Metadata;
use converter::host::{Engine, Host};
use converter::load::{self, Loaded};
use supervisor::agent::{self, Message, MessageError, Process};
use supervisor::arming::{self, StartUp};
use supervisor::filter::Filter;
use supervisor::handoff::Client;
use supervisor::notification::Tid;

use crate::agent::folders::Folders;
use crate::agent::reception;
use crate::bundle::Bundle;
use crate::config::Settings;
use crate::identifier::ContainerId;
use crate::{confinement, host, supervise, sys};

/// How long a runtime may take from the gate's installation to its first call behind it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves the connection and ends the process.
pub fn attend(settings: &Settings, folders: &Folders, connection: UnixStream) -> ! {
    let attendant = Attendant { settings, folders };
    let outcome = catch_unwind(AssertUnwindSafe(|| attendant.attend(&connection)));
    match outcome {
        Ok(Ok(())) => sys::exit_now(0),
        Ok(Err(error)) => eprintln!("systrace-shim supervise: {error:#}"),
        Err(_) => eprintln!("systrace-shim supervise: internal error"),
    }
    sys::exit_now(1)
}

struct Attendant<'a> {
    settings: &'a Settings,
    folders: &'a Folders,
}

impl Attendant<'_> {
    fn attend(&self, connection: &UnixStream) -> anyhow::Result<()> {
        reception::admit(connection)?;
        let message = match agent::receive(connection) {
            // A start that failed before its profile came into force.
            Err(MessageError::Nothing) => return Ok(()),
            message => message?,
        };
        match message {
            Message::Asks(metadata) => {
                let outcome =
                    self.policy(&metadata).map(drop).map_err(|error| format!("{error:#}"));
                Ok(agent::answer(connection, outcome)?)
            }
            Message::Ended(id) => {
                let outcome = self.folders.await_end(&id).map_err(|error| format!("{error:#}"));
                Ok(agent::answer(connection, outcome)?)
            }
            Message::Starts { process, listener } => self.start(&process, listener),
        }
    }

    /// Puts a process that a runtime starts under its container's policy.
    fn start(&self, process: &Process, gate: OwnedFd) -> anyhow::Result<()> {
        let state = &process.state;
        let outcome = match process.joins() {
            true => self.join(process),
            false => self.create(process),
        };
        match outcome {
            Ok((supervisor, filter)) => arm(gate, process.pid().map(Tid), &supervisor, &filter),
            Err(error) => {
                // If it asks nothing any more it is gone; our reason is the one to tell.
                let _ = arming::refuse(&gate, PATIENCE);
                Err(error)
            }
        }
        .with_context(|| format!("container {} is refused", state.id))
    }

    /// Starts the supervisor of a new container.
    fn create(&self, process: &Process) -> anyhow::Result<(Client, Filter)> {
        let id: ContainerId = process.state.id.parse()?;
        let policy = self.policy(&process.metadata)?;
        let bundle = Bundle::open(&process.state.bundle)?;
        bundle.ensure_supported()?;
        ensure_meant(&bundle, &process.metadata)?;
        let host = Host { engine: Engine::Runc, ..host::probe()? };
        let prepared = confinement::confine(self.settings, &id, &bundle, policy, host)?;
        let confinement = prepared.confinement;
        let filter = confinement.filter.clone();
        let (folder, _lock) = self.folders.claim(&id, &process.metadata)?;
        match supervise::start(&folder, confinement) {
            Ok(client) => Ok((client, filter)),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(error.into())
            }
        }
    }

    /// Finds the supervisor of a container that gets one more process.
    fn join(&self, process: &Process) -> anyhow::Result<(Client, Filter)> {
        let id: ContainerId = process.state.id.parse()?;
        let supervisor = self.folders.find(&id, &process.metadata)?;
        let filter = supervisor.walls()?.filter;
        Ok((supervisor, filter))
    }

    /// The policy that the container's configuration means.
    fn policy(&self, metadata: &str) -> anyhow::Result<Loaded> {
        let metadata = Metadata::parse(metadata)?;
        let (name, folder) = (metadata.name()?, &self.settings.config.policy_dir);
        let file = name.file(folder);
        let policy = load::load(&file, folder)?;
        ensure!(
            metadata.means(&policy),
            "policy {} is not the one that the container was configured with; edit config.json again",
            file.display()
        );
        Ok(policy)
    }
}

/// The runtime says what it read before; a bundle that says something else is another container's.
fn ensure_meant(bundle: &Bundle, metadata: &str) -> anyhow::Result<()> {
    let said = bundle.engine_profile().and_then(|profile| profile.listener_metadata().as_deref());
    match said {
        Some(said) if said == metadata => Ok(()),
        _ => bail!("the bundle {} says something else than the runtime", shown(bundle.folder())),
    }
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}

/// Stops the start-up at the gate, installs the policy's filter in it, and lets it go on when the supervisor serves.
fn arm(
    gate: OwnedFd,
    told: Option<Tid>,
    supervisor: &Client,
    filter: &Filter,
) -> anyhow::Result<()> {
    let mut start_up = StartUp::catch(gate, told, PATIENCE)?;
    let listener = start_up.install(filter)?;
    supervisor.join_for(start_up.entry(), listener.as_fd())?;
    drop(listener);
    Ok(start_up.release()?)
}
