//! `delete`: removes a container and everything that belongs to it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use libcontainer::container::{Container, ContainerStatus};

use crate::bundle::Bundle;
use crate::cgroup::Cgroup;
use crate::cgroup::companions::Companions;
use crate::cgroup::nested;
use crate::config::Settings;
use crate::container::{StateError, Store, status_name};
use crate::identifier::ContainerId;
use crate::signal::SignalNumber;
use crate::{hooks, making, supervise};

/// Delete a container
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Kill it first if it runs; no error if it does not exist
    #[arg(short, long)]
    force: bool,
    id: ContainerId,
}

impl Delete {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let store = Store::new(&settings.config.root);
        match store.load(&self.id) {
            // libcontainer writes the state before it writes what it must know to delete: a kill may come in between.
            Ok(container) if self.force && container.spec().is_err() => {
                remove_remains(&store, &self.id)?;
            }
            Ok(container) => delete(&store, container, self.force)?,
            Err(StateError::Missing(_) | StateError::Load { .. }) if self.force => {
                remove_remains(&store, &self.id)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Deletes a loaded container.
pub fn delete(store: &Store, mut container: Container, force: bool) -> anyhow::Result<()> {
    let id: ContainerId = container.id().parse()?;
    let status = container.status();
    let deletable = matches!(status, ContainerStatus::Stopped | ContainerStatus::Created);
    if !deletable && !force {
        anyhow::bail!("cannot delete container {id} that is not stopped: {}", status_name(status));
    }
    let config = container.spec();
    if status != ContainerStatus::Stopped {
        // What was made below the container's group can only be removed when nobody makes more of it.
        end_all(&container);
        supervise::resume(&store.own_folder(&id));
    }
    Cgroup::remove_nested(&container)?;
    if force && status == ContainerStatus::Stopped {
        // A `create` that was killed may have left processes that are still on their way into the groups.
        remove_group(&store.own_folder(&id));
    }
    container.delete(force).context("cannot delete container")?;
    if let Ok(config) = config {
        let companions = Companions::of(&config.cgroup_path, container.systemd());
        companions.remove().context("cannot remove the container's cgroups")?;
    }
    let engine = Bundle::copy_in(&store.own_folder(&id));
    remove_own(&store.own_folder(&id))?;
    if let Ok(engine) = engine {
        hooks::after_stop(engine.spec(), container.state);
    }
    Ok(())
}

/// What a `create` left that was killed, or a state that cannot be read any more.
fn remove_remains(store: &Store, id: &ContainerId) -> anyhow::Result<()> {
    let folder = store.root().join(id.as_str());
    if folder.is_dir() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    remove_own(&store.own_folder(id))
}

fn remove_group(folder: &Path) {
    let private = Bundle::open(folder).ok();
    if let Some(cgroup) = private.as_ref().and_then(Bundle::cgroup) {
        nested::remove_with_own(cgroup);
    }
}

/// A container without a group to freeze is killed by libcontainer all the same.
fn end_all(container: &Container) {
    if let Ok(cgroup) = Cgroup::of(container) {
        let _ = cgroup.signal(SignalNumber::KILL);
    }
}

/// The supervisor goes with its container; what it needed goes after it.
fn remove_own(folder: &Path) -> anyhow::Result<()> {
    // libcontainer has removed the container's groups unless it was killed while it made them.
    making::end(folder, || remove_group(folder));
    supervise::end(folder, supervise::PATIENCE)?;
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
