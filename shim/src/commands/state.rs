//! `state`: a container's state as the runtime specification wants it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::ExitCode;

use libcontainer::container::{Container, ContainerStatus};
use serde::Serialize;

use crate::bundle::Bundle;
use crate::config::Settings;
use crate::container::{Store, status_name};
use crate::identifier::ContainerId;

/// Print the state of a container
#[derive(Debug, clap::Args)]
pub struct State {
    id: ContainerId,
}

/// What `state` and `list` print; the keys are runc's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub oci_version: String,
    pub id: String,
    pub pid: i32,
    pub status: &'static str,
    pub bundle: PathBuf,
    pub rootfs: PathBuf,
    pub created: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    pub owner: String,
}

impl State {
    pub fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let store = Store::new(&settings.config.root);
        let container = store.load(&self.id)?;
        println!("{}", serde_json::to_string_pretty(&Description::of(&store, &container))?);
        Ok(ExitCode::SUCCESS)
    }
}

impl Description {
    pub fn of(store: &Store, container: &Container) -> Self {
        let id = container.id().parse();
        let private = id.ok().and_then(|id| Bundle::open(&store.own_folder(&id)).ok());
        let alive = container.status() != ContainerStatus::Stopped;
        let annotations: HashMap<_, _> = container.state.annotations.clone().unwrap_or_default();
        Self {
            oci_version: container.state.oci_version.clone(),
            id: container.id().to_owned(),
            pid: container.pid().filter(|_| alive).map_or(0, |pid| pid.as_raw()),
            status: status_name(container.status()),
            bundle: container.bundle().clone(),
            // The engine's bundle may be gone; ours has the root as it was.
            rootfs: private.and_then(|bundle| bundle.root().ok()).unwrap_or_default(),
            created: container.created().map(|time| time.to_rfc3339()).unwrap_or_default(),
            annotations: annotations.into_iter().collect(),
            owner: container
                .creator()
                .map(|o| o.to_string_lossy().into_owned())
                .unwrap_or_default(),
        }
    }
}
