//! The engine's bundle, and the private copy from which the container is really made.

use std::fs;
use std::path::{Path, PathBuf};

use libcontainer::utils::get_cgroup_path;
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Capabilities, Capability, LinuxCapabilities, LinuxSeccomp, Process, Spec,
};

use crate::cgroup::companions::Companions;
use crate::cgroup::mounts::{self, MountsError};
use crate::copy_up::{self, CopyUpError};

const FILE: &str = "config.json";

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
    #[error(transparent)]
    Mounts(#[from] MountsError),
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

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Refuses what cannot be confined before anything is made.
    pub fn ensure_supported(&self) -> Result<(), BundleError> {
        self.process()?;
        self.spec.linux().as_ref().ok_or_else(|| self.incomplete("linux section"))?;
        Ok(())
    }

    /// The program that the engine asks for.
    pub fn process(&self) -> Result<&Process, BundleError> {
        self.spec.process().as_ref().ok_or_else(|| self.incomplete("process"))
    }

    /// The root file system, absolute and without symbolic links.
    pub fn rootfs(&self) -> Result<PathBuf, BundleError> {
        let root = self.spec.root().as_ref().ok_or_else(|| self.incomplete("root"))?;
        let path = self.folder.join(root.path());
        fs::canonicalize(&path).map_err(|source| BundleError::Root { path, source })
    }

    /// The engine's own seccomp profile.
    pub fn engine_profile(&self) -> Option<&LinuxSeccomp> {
        self.spec.linux().as_ref()?.seccomp().as_ref()
    }

    /// Writes the spec that libcontainer works from: CAP_SYS_ADMIN for our start-up, no seccomp (it is
    /// loaded by our start-up, after our own filter), and a root path that is right from any folder.
    pub fn write_private(&self, folder: &Path, companions: &Companions) -> Result<(), BundleError> {
        let mut spec = self.spec.clone();
        let mut process = self.process()?.clone();
        lend_admin(&mut process);
        spec.set_process(Some(process));
        if let Some(linux) = spec.linux_mut() {
            linux.set_seccomp(None);
        }
        let rootfs = self.rootfs()?;
        copy_up::settle(&mut spec, &rootfs)?;
        if let Some(root) = spec.root_mut() {
            root.set_path(rootfs);
        }
        mounts::protect(&mut spec, companions)?;
        let path = folder.join(FILE);
        spec.save(&path).map_err(|source| BundleError::Write { path, source })
    }

    /// The container's folders beside those that libcgroups makes.
    pub fn companions(&self, id: &str, systemd: bool) -> Companions {
        let path = self.spec.linux().as_ref().and_then(|linux| linux.cgroups_path().clone());
        Companions::of(&get_cgroup_path(&path, id), systemd)
    }

    fn incomplete(&self, part: &'static str) -> BundleError {
        BundleError::Incomplete { path: self.folder.join(FILE), part }
    }
}

/// Whether a process may keep CAP_SYS_ADMIN by the engine's own wish.
pub fn owns_admin(process: &Process) -> bool {
    let holds = |set: &Option<Capabilities>| {
        set.as_ref().is_some_and(|set| set.contains(&Capability::SysAdmin))
    };
    process.capabilities().as_ref().is_some_and(|sets| holds(sets.permitted()))
}

/// Adds CAP_SYS_ADMIN to the effective and permitted sets: a filter may only be loaded with it or with
/// no_new_privs (seccomp(2)), and no_new_privs would change the workload. It is in no other set, so
/// execve(2) takes it away even if our start-up did not.
///
/// A set that the engine left out becomes an empty one, as under runc; libcontainer would leave it full.
pub fn lend_admin(process: &mut Process) {
    let mut sets = process.capabilities().clone().unwrap_or_else(no_capabilities);
    let mut effective = sets.effective().clone().unwrap_or_default();
    let mut permitted = sets.permitted().clone().unwrap_or_default();
    effective.insert(Capability::SysAdmin);
    permitted.insert(Capability::SysAdmin);
    let bounding = sets.bounding().clone().unwrap_or_default();
    let inheritable = sets.inheritable().clone().unwrap_or_default();
    let ambient = sets.ambient().clone().unwrap_or_default();
    sets.set_bounding(Some(bounding))
        .set_effective(Some(effective))
        .set_permitted(Some(permitted))
        .set_inheritable(Some(inheritable))
        .set_ambient(Some(ambient));
    process.set_capabilities(Some(sets));
}

fn no_capabilities() -> LinuxCapabilities {
    let mut sets = LinuxCapabilities::default();
    sets.set_bounding(None)
        .set_effective(None)
        .set_permitted(None)
        .set_inheritable(None)
        .set_ambient(None);
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

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
        bundle.write_private(private.path(), &bundle.companions("web", false)).unwrap();
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
    fn a_process_without_capabilities_gets_no_others() {
        let mut process = Process::default();
        process.set_capabilities(None);
        lend_admin(&mut process);
        let sets = process.capabilities().clone().unwrap();
        assert_eq!(sets.bounding(), &Some(Capabilities::new()));
        assert_eq!(sets.permitted().as_ref().unwrap().len(), 1);
    }
}
