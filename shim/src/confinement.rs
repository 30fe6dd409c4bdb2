//! What a container is put under: its policy, made into a filter and a table for the supervisor, and the
//! profile of its engine.

use converter::seccomp::{assemble, engine};
use oci_spec::runtime::LinuxSeccomp;
use supervisor::filter::{BadFilter, Filter};

/// The engine's own profile, ready for seccomp(2).
#[derive(Debug, Clone)]
pub struct EngineFilter {
    pub program: Filter,
    pub flags: libc::c_ulong,
}

/// The container cannot be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfinementError {
    #[error(transparent)]
    EngineProfile(#[from] engine::ProfileError),
    #[error("the engine's seccomp profile is too large for the kernel")]
    EngineSize(#[from] assemble::AssembleError),
    #[error("the compiled filter is not one")]
    BadFilter(#[from] BadFilter),
}

impl EngineFilter {
    /// Compiles the profile. Without one there is nothing to load.
    pub fn of(profile: Option<&LinuxSeccomp>) -> Result<Option<Self>, ConfinementError> {
        let Some(profile) = profile else { return Ok(None) };
        let profile = engine::compile(profile)?;
        let program = assemble::assemble(&profile.filter)?;
        let program = Filter::from_bytes(&program.to_bytes())?;
        Ok(Some(Self { program, flags: profile.flags }))
    }
}
