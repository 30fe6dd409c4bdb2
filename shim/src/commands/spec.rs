//! `spec`: writes an example `config.json`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use libcgroups::common::{CgroupSetup, get_cgroup_setup};
use oci_spec::runtime::{LinuxDeviceCgroupBuilder, LinuxNamespaceType, LinuxResources, Spec};

/// Write an example config.json
#[derive(Debug, clap::Args)]
pub struct WriteSpec {
    /// Folder of the bundle
    #[arg(short, long, default_value = ".")]
    bundle: PathBuf,
}

impl WriteSpec {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let path = self.bundle.join("config.json");
        anyhow::ensure!(!path.exists(), "{} exists, remove it first", path.display());
        let text = serde_json::to_string_pretty(&example()?)?;
        std::fs::write(&path, text + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The default of the specification's own types, made as strict as runc's example: no device but the usual ones, no
/// inheritable capability, and a control group namespace only where groups have versions 2 (the mounts of version 1 show
/// the host's paths otherwise).
fn example() -> anyhow::Result<Spec> {
    let mut spec = Spec::default();
    spec.set_hostname(Some("container".to_owned())).set_annotations(None);
    if let Some(process) = spec.process_mut() {
        process.set_terminal(Some(true));
        if let Some(mut sets) = process.capabilities().clone() {
            sets.set_inheritable(None);
            process.set_capabilities(Some(sets));
        }
    }
    if let Some(linux) = spec.linux_mut() {
        let mut resources = LinuxResources::default();
        let none = LinuxDeviceCgroupBuilder::default().allow(false).access("rwm").build()?;
        resources.set_devices(Some(vec![none]));
        let mut namespaces = linux.namespaces().clone().unwrap_or_default();
        let unified = matches!(get_cgroup_setup(), Ok(CgroupSetup::Unified));
        namespaces.retain(|one| unified || one.typ() != LinuxNamespaceType::Cgroup);
        linux.set_resources(Some(resources)).set_namespaces(Some(namespaces));
    }
    Ok(spec)
}
