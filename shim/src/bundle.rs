//! The engine's bundle, and the private copy from which the container is really made.

use std::fs;
use std::path::{Path, PathBuf};

use libcgroups::common::{CgroupSetup, get_cgroup_setup};
use oci_spec::OciSpecError;
use oci_spec::runtime::{LinuxNamespaceType, LinuxSeccomp, Process, Spec};

use crate::cgroup::companions::Companions;
use crate::cgroup::mounts::{self, MountsError};
use crate::copy_up::{self, CopyUpError};
use crate::hooks::{self, HooksError};
use crate::lent;

const FILE: &str = "config.json";
/// Beside the private bundle: what the engine asked for, whatever becomes of its own bundle.
const COPY: &str = "engine";

/// A folder with a `config.json`, read and checked.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    spec: Spec,
}

/// A bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("cannot open bundle {path}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: OciSpecError },
    #[error("{path} has no {part}")]
    Incomplete { path: PathBuf, part: &'static str },
    #[error("cannot find the root file system {path}")]
    Root { path: PathBuf, source: std::io::Error },
    #[error("the working directory {0} is not absolute")]
    WorkingDirectory(PathBuf),
    #[error(
        "invalid configuration: resources of control groups of version 2 on a host with version 1"
    )]
    Unified,
    #[error(transparent)]
    Mounts(#[from] MountsError),
    #[error(transparent)]
    Hooks(#[from] HooksError),
    #[error(transparent)]
    CopyUp(#[from] CopyUpError),
    #[error("cannot write the private bundle {path}")]
    Write { path: PathBuf, source: OciSpecError },
}

impl Bundle {
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let folder = fs::canonicalize(folder)
            .map_err(|source| BundleError::Folder { path: folder.to_owned(), source })?;
        let path = folder.join(FILE);
        let spec = Spec::load(&path).map_err(|source| BundleError::Read { path, source })?;
        Ok(Self { folder, spec })
    }

    /// The copy of the engine's bundle in our folder of a container. Its root may be relative to the original.
    pub fn copy_in(folder: &Path) -> Result<Self, BundleError> {
        Self::open(&folder.join(COPY))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Refuses what cannot be confined before anything is made.
    pub fn ensure_supported(&self) -> Result<(), BundleError> {
        let folder = self.process()?.cwd();
        if !folder.is_absolute() {
            return Err(BundleError::WorkingDirectory(folder.clone()));
        }
        let linux = self.spec.linux().as_ref().ok_or_else(|| self.incomplete("linux section"))?;
        let unified = linux.resources().as_ref().and_then(|resources| resources.unified().as_ref());
        let wanted = unified.is_some_and(|values| !values.is_empty());
        if wanted && !matches!(get_cgroup_setup(), Ok(CgroupSetup::Unified)) {
            return Err(BundleError::Unified);
        }
        Ok(())
    }

    /// Whether the container has a user namespace of its own.
    pub fn has_own_users(&self) -> bool {
        let linux = self.spec.linux().as_ref();
        let namespaces = linux.and_then(|linux| linux.namespaces().as_deref()).unwrap_or_default();
        namespaces.iter().any(|namespace| namespace.typ() == LinuxNamespaceType::User)
    }

    /// The program that the engine asks for.
    pub fn process(&self) -> Result<&Process, BundleError> {
        self.spec.process().as_ref().ok_or_else(|| self.incomplete("process"))
    }

    /// Where the root file system is.
    pub fn root(&self) -> Result<PathBuf, BundleError> {
        let root = self.spec.root().as_ref().ok_or_else(|| self.incomplete("root"))?;
        Ok(self.folder.join(root.path()))
    }

    /// The same without symbolic links.
    pub fn rootfs(&self) -> Result<PathBuf, BundleError> {
        let path = self.root()?;
        fs::canonicalize(&path).map_err(|source| BundleError::Root { path, source })
    }

    /// The engine's own seccomp profile.
    pub fn engine_profile(&self) -> Option<&LinuxSeccomp> {
        self.spec.linux().as_ref()?.seccomp().as_ref()
    }

    /// Writes the spec that libcontainer works from: CAP_SYS_ADMIN for our start-up, no seccomp (it is
    /// loaded by our start-up, after our own filter), and a root path that is right from any folder. `spec` is the bundle's own with
    /// the policy's edits; beside it is written what the engine asked for.
    pub fn write_private(
        &self,
        folder: &Path,
        mut spec: Spec,
        companions: &Companions,
    ) -> Result<(), BundleError> {
        write(&self.spec, &folder.join(COPY))?;
        if let Some(process) = spec.process_mut() {
            lent::lend(process);
        }
        if let Some(linux) = spec.linux_mut() {
            linux.set_seccomp(None);
            linux.set_cgroups_path(Some(companions.cgroup().to_owned()));
        }
        let rootfs = self.rootfs()?;
        copy_up::settle(&mut spec, &rootfs, folder)?;
        hooks::wrap(&mut spec, &self.folder, &rootfs)?;
        if let Some(root) = spec.root_mut() {
            root.set_path(rootfs);
        }
        mounts::protect(&mut spec, companions)?;
        write(&spec, folder)
    }

    /// The path of the container's control group, where it is one and not the name of a unit.
    pub fn cgroup(&self) -> Option<&Path> {
        let path = self.spec.linux().as_ref()?.cgroups_path().as_deref()?;
        (!path.to_string_lossy().contains(':')).then_some(path)
    }

    /// The container's folders beside those that libcgroups makes. One without a path of its own is named like the
    /// container, as under runc.
    pub fn companions(&self, id: &str, systemd: bool) -> Companions {
        let path = self.spec.linux().as_ref().and_then(|linux| linux.cgroups_path().clone());
        let path = path.filter(|path| !path.as_os_str().is_empty());
        let by_name = || if systemd { format!(":runc:{id}") } else { format!("/{id}") };
        Companions::of(&path.unwrap_or_else(|| by_name().into()), systemd)
    }

    fn incomplete(&self, part: &'static str) -> BundleError {
        BundleError::Incomplete { path: self.folder.join(FILE), part }
    }
}

fn write(spec: &Spec, folder: &Path) -> Result<(), BundleError> {
    let path = folder.join(FILE);
    fs::create_dir_all(folder)
        .map_err(OciSpecError::from)
        .and_then(|()| spec.save(&path))
        .map_err(|source| BundleError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::{Capabilities, Capability};

    fn bundle(change: impl FnOnce(&mut serde_json::Value)) -> (tempfile::TempDir, Bundle) {
        let folder = tempfile::tempdir().unwrap();
        let mut value = serde_json::to_value(Spec::default()).unwrap();
        fs::create_dir(folder.path().join("rootfs")).unwrap();
        value["root"]["path"] = "rootfs".into();
        change(&mut value);
        fs::write(folder.path().join(FILE), value.to_string()).unwrap();
        let bundle = Bundle::open(folder.path()).unwrap();
        (folder, bundle)
    }

    #[test]
    fn the_private_spec_lends_one_capability_and_loads_no_profile() {
        let (_keep, bundle) = bundle(|spec| {
            spec["process"]["capabilities"] = serde_json::json!({"bounding": ["CAP_KILL"]});
            spec["linux"]["seccomp"] = serde_json::json!({"defaultAction": "SCMP_ACT_ALLOW"});
        });
        let private = tempfile::tempdir().unwrap();
        let companions = bundle.companions("web", false);
        bundle.write_private(private.path(), bundle.spec().clone(), &companions).unwrap();
        let spec = Spec::load(private.path().join(FILE)).unwrap();
        let sets = spec.process().as_ref().unwrap().capabilities().clone().unwrap();
        let admin: Capabilities = [Capability::SysAdmin].into_iter().collect();
        assert_eq!(sets.effective(), &Some(admin.clone()));
        assert_eq!(sets.permitted(), &Some(admin));
        assert_eq!(sets.bounding(), &Some([Capability::Kill].into_iter().collect()));
        assert_eq!(sets.ambient(), &Some(Capabilities::new()));
        assert!(spec.linux().as_ref().unwrap().seccomp().is_none());
        assert!(spec.root().as_ref().unwrap().path().is_absolute());
    }

    #[test]
    fn a_user_namespace_is_seen() {
        let (_keep, bundle) = bundle(|spec| {
            spec["linux"]["namespaces"] = serde_json::json!([{"type": "user"}]);
        });
        assert!(bundle.has_own_users() && bundle.ensure_supported().is_ok());
    }
}
