//! The cgroup file systems that a container sees.
//!
//! On a version 1 host libcontainer mounts every hierarchy writable whatever the engine says, and shows all of
//! systemd's. A container could lift its own limits there.

use std::path::{Path, PathBuf};

use libcgroups::v1::util::{V1MountPointError, list_subsystem_mount_points};
use oci_spec::OciSpecError;
use oci_spec::runtime::{Mount, MountBuilder, Spec};

use super::ROOT;
use super::companions::Companions;

/// The hierarchies of this host cannot be listed, or not be mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountsError {
    #[error("cannot list the cgroup hierarchies")]
    List(#[from] V1MountPointError),
    #[error("cannot describe a cgroup mount")]
    Describe(#[from] OciSpecError),
}

/// Makes the hierarchies as read-only as the engine asked for the whole, and shows the container's own part
/// of systemd's.
pub fn protect(spec: &mut Spec, companions: &Companions) -> Result<(), MountsError> {
    let Some(mount) = read_only_mount(spec) else { return Ok(()) };
    let hierarchies = list_subsystem_mount_points()?;
    let names = hierarchies.iter().filter_map(|path| path.strip_prefix(ROOT).ok());
    let places: Vec<_> = names.map(|name| mount.join(name).display().to_string()).collect();
    if let Some(linux) = spec.linux_mut() {
        let mut paths = linux.readonly_paths().clone().unwrap_or_default();
        paths.extend(places);
        linux.set_readonly_paths(Some(paths));
    }
    if let Some(folder) = companions.systemd() {
        let mut mounts = spec.mounts().clone().unwrap_or_default();
        mounts.push(bind(folder, &mount.join("systemd"))?);
        spec.set_mounts(Some(mounts));
    }
    Ok(())
}

/// Where the engine wants the cgroup file systems, if it wants them read-only.
fn read_only_mount(spec: &Spec) -> Option<PathBuf> {
    let mounts = spec.mounts().as_deref().unwrap_or_default();
    let mount = mounts.iter().find(|mount| mount.typ().as_deref() == Some("cgroup"))?;
    let options = mount.options().as_deref().unwrap_or_default();
    options.iter().any(|option| option == "ro").then(|| mount.destination().clone())
}

fn bind(source: &Path, destination: &Path) -> Result<Mount, OciSpecError> {
    let options = ["bind", "ro", "nosuid", "nodev", "noexec"].map(str::to_owned);
    MountBuilder::default()
        .typ("bind")
        .source(source)
        .destination(destination)
        .options(options.to_vec())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(options: &[&str]) -> Spec {
        let cgroup = serde_json::json!({
            "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": options
        });
        let spec = serde_json::json!({ "ociVersion": "1.0.2", "mounts": [cgroup], "linux": {} });
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn every_hierarchy_of_the_host_becomes_read_only() {
        let mut spec = spec(&["nosuid", "ro"]);
        protect(&mut spec, &Companions::of(Path::new("/x"), true)).unwrap();
        let paths = spec.linux().as_ref().unwrap().readonly_paths().clone().unwrap();
        let hierarchies = list_subsystem_mount_points().unwrap();
        assert_eq!(paths.len(), hierarchies.iter().filter(|path| path.starts_with(ROOT)).count());
        assert!(paths.iter().all(|path| path.starts_with("/sys/fs/cgroup/")));
    }

    #[test]
    fn what_the_engine_wants_writable_stays_so() {
        let mut writable = spec(&["rw"]);
        protect(&mut writable, &Companions::of(Path::new("/x"), false)).unwrap();
        assert_eq!(writable, spec(&["rw"]));
    }
}
