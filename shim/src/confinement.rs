//! What a container is put under: its policy, made into a filter and a table for the supervisor, and the
//! profile of its engine. Everything here happens before anything of the container exists.

use std::path::Path;

use converter::bpf::SeccompData;
use converter::host::{Host, LinuxVersion, LinuxVersionError};
use converter::plan::{PlanError, Target, plan};
use converter::seccomp::assemble::AssembleError;
use converter::seccomp::{self, Action, assemble, engine};
use oci_spec::runtime::Process;
use policy::diagnostic::headline;
use policy::{PolicySet, Source, registry, templates};
use supervisor::filter::{BadFilter, Filter};
use supervisor::{Confinement, Entry};

use crate::bundle::{Bundle, BundleError, owns_admin};
use crate::config::Settings;
use crate::devices;
use crate::identifier::ContainerId;
use crate::selection::entry::EntryProgram;
use crate::selection::{PolicyText, SelectionError, select};

/// The container cannot be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfinementError {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
    #[error("policy {origin} is wrong: {findings}")]
    Wrong { origin: String, findings: String },
    #[error("policy {origin} is for {programs}, not for {program}")]
    Stranger { origin: String, programs: String, program: String },
    #[error("policy {0} is detached: it would leave the container unconfined")]
    Detached(String),
    #[error("policy {origin} cannot be enforced here: {reasons}")]
    Plan { origin: String, reasons: String },
    #[error("policy {origin} is too large for the kernel")]
    Size { origin: String, source: AssembleError },
    #[error("cannot find out the release of the kernel")]
    Kernel(#[from] LinuxVersionError),
    #[error(transparent)]
    EngineProfile(#[from] engine::ProfileError),
    #[error(
        "the engine's seccomp profile denies {0}, which starts the program: operation not permitted"
    )]
    EngineDenies(&'static str),
    #[error("the engine's seccomp profile is too large for the kernel")]
    EngineSize(#[source] AssembleError),
    #[error("the compiled filter is not one")]
    BadFilter(#[from] BadFilter),
}

/// The engine's own profile, ready for seccomp(2).
#[derive(Debug, Clone)]
pub struct EngineFilter {
    pub program: Filter,
    pub flags: libc::c_ulong,
}

impl EngineFilter {
    /// Compiles the engine's profile for a process. Without one there is nothing to load.
    pub fn of(bundle: &Bundle, process: &Process) -> Result<Option<Self>, ConfinementError> {
        let Some(profile) = bundle.engine_profile() else { return Ok(None) };
        let profile = engine::compile(profile)?;
        if let Some(call) = calls_under_it(process).find(|call| denies(&profile.filter, call)) {
            return Err(ConfinementError::EngineDenies(call));
        }
        let program = assemble::assemble(&profile.filter).map_err(ConfinementError::EngineSize)?;
        let program = Filter::from_bytes(&program.to_bytes())?;
        Ok(Some(Self { program, flags: profile.flags }))
    }
}

/// What our start-up calls when the profile is in force; `Workload` has the order.
fn calls_under_it(process: &Process) -> impl Iterator<Item = &'static str> {
    let drops = !owns_admin(process) && process.no_new_privileges() != Some(true);
    let for_drop = if drops { &["capget", "capset"][..] } else { &[] };
    for_drop.iter().copied().chain(["execve"])
}

fn denies(filter: &seccomp::Filter, call: &str) -> bool {
    registry::call_named(call).is_none_or(|call| {
        let data = SeccompData::native(call.number.0, [0; 6]);
        !matches!(filter.decide(&data), Action::Allow | Action::Log)
    })
}

/// Chooses the policy of a container and compiles it.
pub fn prepare(
    settings: &Settings,
    id: &ContainerId,
    bundle: &Bundle,
) -> Result<Confinement, ConfinementError> {
    let process = bundle.process()?;
    let entry = EntryProgram::locate(&bundle.rootfs()?, process);
    let none = Default::default();
    let annotations = bundle.spec().annotations().as_ref().unwrap_or(&none);
    let text = select(settings, annotations, &entry)?;
    let origin = text.origin.clone();
    let policies = entry_first(understand(settings, text)?, &entry, &origin)?;
    Ok(Confinement {
        id: id.to_string(),
        filter: compile(&policies, origin)?,
        policies,
        audit: settings.audit_file(id),
        devices: devices::rules(bundle.spec()),
        entry: surroundings(process),
    })
}

/// Parses a policy and looks its names up. Nothing of a file with an error is enforced.
fn understand(settings: &Settings, text: PolicyText) -> Result<PolicySet, ConfinementError> {
    let source = Source::new(text.origin.as_str(), text.text);
    let folder = settings.config.policy_dir.join("templates");
    let template = |name: &str| template(&folder, name);
    let lowered = policy::compile(&source, &template).map_err(|findings| {
        let lines: Vec<_> = findings
            .iter()
            .filter(|finding| finding.is_error())
            .map(|finding| headline(&source, finding))
            .collect();
        ConfinementError::Wrong { origin: text.origin.clone(), findings: lines.join("; ") }
    })?;
    Ok(lowered.set)
}

/// A template of the policy directory, else a built-in one. The name comes from a policy, which is trusted,
/// but it is a name and not a path.
fn template(folder: &Path, name: &str) -> Option<Source> {
    if !name.contains('/') && !name.starts_with('.') {
        let path = folder.join(name);
        if let Ok(text) = std::fs::read(&path) {
            return Some(Source::new(path.display().to_string(), text));
        }
    }
    templates::builtin(name)
}

/// Puts the entry program's policy first: the only one whatever path its header names, else the one that
/// fits.
fn entry_first(
    mut set: PolicySet,
    entry: &EntryProgram,
    origin: &str,
) -> Result<PolicySet, ConfinementError> {
    let fitting = |path: &Path| {
        let path = path.to_string_lossy();
        let exact = set.policies.iter().position(|policy| policy.program() == path);
        exact.or_else(|| set.policies.iter().position(|policy| policy.fits(&path)))
    };
    let place = match set.policies.len() {
        1 => Some(0),
        _ => fitting(&entry.resolved).or_else(|| fitting(&entry.named)),
    };
    let place = place.ok_or_else(|| ConfinementError::Stranger {
        origin: origin.to_owned(),
        programs: set.policies.iter().map(policy::Policy::program).collect::<Vec<_>>().join(", "),
        program: entry.named.display().to_string(),
    })?;
    let chosen = set.policies.remove(place);
    if chosen.is_detached() {
        return Err(ConfinementError::Detached(origin.to_owned()));
    }
    set.policies.insert(0, chosen);
    Ok(set)
}

fn compile(policies: &PolicySet, origin: String) -> Result<Filter, ConfinementError> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let host = Host::of_this_release(release.trim().parse::<LinuxVersion>()?);
    let plan = match plan(policies, &host, Target::Supervised) {
        Ok(plan) => plan,
        Err(errors) => {
            let reasons: Vec<_> = errors.iter().map(PlanError::to_string).collect();
            return Err(ConfinementError::Plan { origin, reasons: reasons.join("; ") });
        }
    };
    let program = assemble::assemble(&plan.filter)
        .map_err(|source| ConfinementError::Size { origin, source })?;
    Ok(Filter::from_bytes(&program.to_bytes())?)
}

/// What the variables of a policy stand for.
fn surroundings(process: &Process) -> Entry {
    Entry {
        uid: process.user().uid(),
        cwd: process.cwd().as_os_str().as_encoded_bytes().to_owned(),
    }
}
