//! The control group of a container: who is in it, what it uses, its limits.

pub mod companions;
pub mod mounts;
pub mod nested;

use std::os::fd::AsFd;
use std::path::Path;

use libcgroups::common::{
    AnyCgroupManager, AnyManagerError, CgroupConfig, CgroupManager, ControllerOpt,
    CreateCgroupSetupError, FreezerState, create_cgroup_manager,
};
use libcgroups::stats::Stats;
use libcontainer::container::Container;
use libcontainer::error::LibcontainerError;
use nix::errno::Errno;
use oci_spec::runtime::{LinuxCpu, LinuxResources};

use crate::signal::SignalNumber;
use crate::sys;

/// Where the hierarchies are mounted (cgroups(7)).
const ROOT: &str = "/sys/fs/cgroup";

/// One container's control group.
pub struct Cgroup(AnyCgroupManager);

/// The control group cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    #[error("cannot find the control group of the container")]
    Config(#[source] Box<LibcontainerError>),
    #[error("cannot open the control group")]
    Open(#[from] CreateCgroupSetupError),
    #[error("cannot use the control group")]
    Use(#[from] AnyManagerError),
    #[error("cannot signal process {0}")]
    Kill(i32, #[source] Errno),
}

impl Cgroup {
    /// Removes what the container made below its own group; a group with others in it cannot be removed.
    pub fn remove_nested(container: &Container) -> Result<(), CgroupError> {
        let spec = container.spec().map_err(|error| CgroupError::Config(Box::new(error)))?;
        if !container.systemd() {
            nested::remove(&spec.cgroup_path);
        }
        Ok(())
    }

    /// Whether the container has a group of this name below its own.
    pub fn has_nested(container: &Container, name: &Path) -> Result<bool, CgroupError> {
        let spec = container.spec().map_err(|error| CgroupError::Config(Box::new(error)))?;
        Ok(container.systemd() || nested::exists(&spec.cgroup_path, name))
    }

    pub fn of(container: &Container) -> Result<Self, CgroupError> {
        let spec = container.spec().map_err(|error| CgroupError::Config(Box::new(error)))?;
        let config = CgroupConfig {
            cgroup_path: spec.cgroup_path,
            systemd_cgroup: container.systemd(),
            container_name: container.id().to_owned(),
        };
        Ok(Self(create_cgroup_manager(config)?))
    }

    pub fn pids(&self) -> Result<Vec<i32>, CgroupError> {
        Ok(self.0.get_all_pids()?.into_iter().map(|pid| pid.as_raw()).collect())
    }

    pub fn stats(&self) -> Result<Stats, CgroupError> {
        Ok(self.0.stats()?)
    }

    /// The kernel refuses a period that, with the old quota, would be more than the parent's; then the new quota has to
    /// be there first.
    pub fn update(&self, resources: &LinuxResources) -> Result<(), CgroupError> {
        let Err(error) = self.apply(resources) else { return Ok(()) };
        let Some(quota) = quota_alone(resources) else { return Err(error) };
        self.apply(&quota).and_then(|()| self.apply(resources)).map_err(|_| error)
    }

    fn apply(&self, resources: &LinuxResources) -> Result<(), CgroupError> {
        let options = ControllerOpt {
            resources,
            disable_oom_killer: false,
            oom_score_adj: None,
            freezer_state: None,
        };
        Ok(self.0.apply(&options)?)
    }

    pub fn thaw(&self) -> Result<(), CgroupError> {
        Ok(self.0.freeze(FreezerState::Thawed)?)
    }

    /// Signals every process. They are frozen meanwhile, so that none forks out of the way.
    pub fn signal(&self, signal: SignalNumber) -> Result<(), CgroupError> {
        self.0.freeze(FreezerState::Frozen)?;
        let outcome = self.signal_frozen(signal);
        self.thaw()?;
        outcome
    }

    fn signal_frozen(&self, signal: SignalNumber) -> Result<(), CgroupError> {
        for pid in self.pids()? {
            let sent = sys::open_process(pid).and_then(|process| signal.send(process.as_fd()));
            match sent {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(CgroupError::Kill(pid, errno)),
            }
        }
        Ok(())
    }
}

/// The quota of these resources, if they change the period with it.
fn quota_alone(resources: &LinuxResources) -> Option<LinuxResources> {
    let cpu = resources.cpu().as_ref()?;
    cpu.period().and(cpu.quota())?;
    let (mut first, mut only) = (LinuxResources::default(), LinuxCpu::default());
    only.set_quota(cpu.quota());
    first.set_devices(None).set_cpu(Some(only));
    Some(first)
}
