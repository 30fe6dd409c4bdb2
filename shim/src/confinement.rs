//! What a container is put under: its policy, made into a filter and a table for the supervisor, and the
//! profile of its engine. Everything here happens before anything of the container exists.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use converter::bpf::SeccompData;
use converter::host::{Host, LandlockAbi, LinuxVersionError};
use converter::landlock::Rights;
use converter::load::{LoadError, Loaded, understand};
use converter::plan::{Mechanism, Plan, PlanError, Target, plan};
use converter::seccomp::assemble::AssembleError;
use converter::seccomp::{self, Action, assemble, engine};
use oci_spec::runtime::Process;
use policy::{PolicySet, Source, registry};
use supervisor::constancy::Constancy;
use supervisor::fence::Fence;
use supervisor::filter::{BadFilter, Filter};
use supervisor::sockets::programs::LoadedPrograms;
use supervisor::{Confinement, Entry};

use crate::bundle::{Bundle, BundleError};
use crate::config::Settings;
use crate::devices;
use crate::edits::Edits;
use crate::host;
use crate::identifier::ContainerId;
use crate::lent;
use crate::selection::entry::EntryProgram;
use crate::selection::{SelectionError, select};
use crate::sockets;

/// The container cannot be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfinementError {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("policy {origin} is for {programs}, not for {program}")]
    Stranger { origin: String, programs: String, program: String },
    #[error("policy {0} is detached: it would leave the container unconfined")]
    Detached(String),
    #[error("policy {origin} cannot be enforced here: {reasons}")]
    Plan { origin: String, reasons: String },
    #[error("policy {origin} is too large for the kernel")]
    Size { origin: String, source: AssembleError },
    #[error("cannot make {path} for audit records")]
    Audit { path: PathBuf, source: std::io::Error },
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
    let drops =
        !lent::to_give_back(process).is_empty() && process.no_new_privileges() != Some(true);
    let for_drop = if drops { &["capget", "capset"][..] } else { &[] };
    for_drop.iter().copied().chain(["execve"])
}

fn denies(filter: &seccomp::Filter, call: &str) -> bool {
    registry::call_named(call).is_none_or(|call| {
        let data = SeccompData::native(call.number.0, [0; 6]);
        !matches!(filter.decide(&data), Action::Allow | Action::Log)
    })
}

/// A container's confinement, and what its policy takes out of its configuration.
pub struct Prepared {
    pub confinement: Confinement,
    pub edits: Edits,
}

/// Chooses the policy of a container and compiles it. Who may judge its sockets depends on where they come from.
pub fn prepare(
    settings: &Settings,
    id: &ContainerId,
    bundle: &Bundle,
    judges: sockets::Judges,
) -> Result<Prepared, ConfinementError> {
    let entry = EntryProgram::locate(&bundle.rootfs()?, bundle.process()?);
    let none = Default::default();
    let annotations = bundle.spec().annotations().as_ref().unwrap_or(&none);
    let text = select(settings, annotations, &entry)?;
    let source = Source::new(text.origin, text.text);
    let loaded = understand(source, &settings.config.policy_dir)?;
    let host = host::probe()?;
    let sockets = judges.programs && host.sockets;
    let landlock = match judges.ports {
        true => host.landlock,
        false => host.landlock.map(|abi| abi.min(LandlockAbi::TRUNCATE)),
    };
    confine(settings, id, bundle, loaded, Host { sockets, landlock, ..host })
}

/// Compiles a policy for a container that this host makes.
pub fn confine(
    settings: &Settings,
    id: &ContainerId,
    bundle: &Bundle,
    policy: Loaded,
    host: Host,
) -> Result<Prepared, ConfinementError> {
    let process = bundle.process()?;
    let rootfs = bundle.rootfs()?;
    let entry = EntryProgram::locate(&rootfs, process);
    let origin = policy.source.name().to_string();
    let policies = entry_first(policy.set, &entry, &rootfs, &origin)?;
    let mut host = host;
    host.without.extend(&settings.config.without);
    host.approximate.extend(&settings.config.approximate);
    let Compiled { filter, fence, constancy, sockets, edits } = compile(&policies, &origin, &host)?;
    let audit = settings.audit_file(id);
    make_folder_of(&audit)?;
    let confinement = Confinement {
        id: id.to_string(),
        filter,
        fence,
        constancy,
        policies,
        sockets,
        audit,
        devices: devices::rules(bundle.spec()),
        entry: surroundings(process),
    };
    Ok(Prepared { confinement, edits })
}

/// The supervisor opens the audit file; a folder that cannot be is a reason to make no container.
fn make_folder_of(audit: &Path) -> Result<(), ConfinementError> {
    let Some(folder) = audit.parent().filter(|folder| !folder.exists()) else { return Ok(()) };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| ConfinementError::Audit { path: folder.to_owned(), source })
}

/// Puts the entry program's policy first: the only one whatever path its header names, else the one that
/// fits, else the one whose header is another path to the program: `/bin/sh` for `/usr/bin/sh`.
fn entry_first(
    mut set: PolicySet,
    entry: &EntryProgram,
    rootfs: &Path,
    origin: &str,
) -> Result<PolicySet, ConfinementError> {
    let fitting = |path: &Path| {
        let path = path.to_string_lossy();
        let exact = set.policies.iter().position(|policy| policy.program() == path);
        exact.or_else(|| set.policies.iter().position(|policy| policy.fits(&path)))
    };
    let leading = || set.policies.iter().position(|policy| entry.is(rootfs, policy.program()));
    let place = match set.policies.len() {
        1 => Some(0),
        _ => fitting(&entry.resolved).or_else(|| fitting(&entry.named)).or_else(leading),
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

/// What a plan has become.
struct Compiled {
    filter: Filter,
    fence: Option<Fence>,
    constancy: Constancy,
    sockets: Option<Arc<LoadedPrograms>>,
    edits: Edits,
}

/// A filter that is right in every container, and a cheaper one with the Landlock ruleset that it counts on.
fn compile(policies: &PolicySet, origin: &str, host: &Host) -> Result<Compiled, ConfinementError> {
    let cheapest = planned(policies, origin, host)?;
    let Ok(sockets) = sockets::load(&cheapest.carried.sockets) else {
        // What the kernel does not take is judged by the next rung.
        return compile(policies, origin, &Host { sockets: false, ..host.clone() });
    };
    let filter = assembled(&cheapest, origin)?;
    let constancy = constancy(&cheapest);
    let edits = Edits(converter::spec::changes(&cheapest.edits));
    let Some(ruleset) = cheapest.carried.landlock else {
        return Ok(Compiled { filter, fence: None, constancy, sockets, edits });
    };
    let fence = Fence {
        filter,
        handled: ruleset.handled.bits(),
        granted: ruleset.granted.bits(),
        of_files: Rights::OF_FILES.bits(),
        rules: ruleset.rules,
        everywhere: ruleset.everywhere.bits(),
        handled_ports: ruleset.ports.handled(),
        ports: ruleset.ports.granted().collect(),
    };
    let mut without = host.clone();
    without.without.insert(Mechanism::Landlock);
    let plan = planned(policies, origin, &without)?;
    let unfenced = self::constancy(&plan);
    let constancy = Constancy {
        credentials: constancy.credentials && unfenced.credentials,
        root: constancy.root && unfenced.root,
    };
    Ok(Compiled {
        filter: assembled(&plan, origin)?,
        fence: Some(fence),
        constancy,
        sockets,
        edits,
    })
}

fn constancy(plan: &Plan) -> Constancy {
    let converter::plan::Constancy { credentials, root } = plan.constancy;
    Constancy { credentials, root }
}

fn planned(policies: &PolicySet, origin: &str, host: &Host) -> Result<Plan, ConfinementError> {
    plan(policies, host, Target::Supervised).map_err(|errors| {
        let reasons: Vec<_> = errors.iter().map(PlanError::to_string).collect();
        ConfinementError::Plan { origin: origin.to_owned(), reasons: reasons.join("; ") }
    })
}

fn assembled(plan: &Plan, origin: &str) -> Result<Filter, ConfinementError> {
    let program = assemble::assemble(&plan.filter)
        .map_err(|source| ConfinementError::Size { origin: origin.to_owned(), source })?;
    Ok(Filter::from_bytes(&program.to_bytes())?)
}

/// What the variables of a policy stand for.
fn surroundings(process: &Process) -> Entry {
    Entry {
        uid: process.user().uid(),
        cwd: process.cwd().as_os_str().as_encoded_bytes().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::SANDBOX_POLICY;
    use std::collections::BTreeSet;

    fn understood(text: &str) -> PolicySet {
        let source = Source::new("p", text);
        understand(source, Path::new("/nonexistent")).unwrap().set
    }

    fn entry(path: &str) -> EntryProgram {
        EntryProgram { named: path.into(), resolved: path.into() }
    }

    /// The converter plans for this release on any machine, so it has a list of its own.
    #[test]
    fn plans_count_on_what_the_supervisor_performs() {
        let performed: BTreeSet<_> = supervisor::supervised_calls().collect();
        assert_eq!(performed, Host::PERFORMED.iter().copied().collect());
    }

    #[test]
    fn the_sandbox_policy_can_be_enforced() {
        let set = entry_first(
            understood(SANDBOX_POLICY),
            &entry("/pause"),
            Path::new("/none"),
            "sandbox",
        )
        .unwrap();
        assert!(
            !compile(&set, "sandbox", &host::probe().unwrap())
                .unwrap()
                .filter
                .instructions()
                .is_empty()
        );
    }

    #[test]
    fn the_entry_programs_policy_comes_first() {
        let one = |name| format!("Policy: {name}, Emulation: native\n\tnative-close: permit\n");
        let both = one("/bin/sh") + &one("*/nginx");
        let set =
            entry_first(understood(&both), &entry("/usr/sbin/nginx"), Path::new("/none"), "p")
                .unwrap();
        assert_eq!(set.policies[0].program(), "*/nginx");
        let error =
            entry_first(understood(&both), &entry("/bin/ls"), Path::new("/none"), "p").unwrap_err();
        assert_eq!(error.to_string(), "policy p is for /bin/sh, */nginx, not for /bin/ls");
        assert!(
            entry_first(understood(&one("/bin/sh")), &entry("/bin/ls"), Path::new("/none"), "p")
                .is_ok()
        );
    }

    #[test]
    fn a_detached_policy_confines_nothing() {
        let set = understood("Policy: /bin/sh, Emulation: native\n\tdetached\n");
        let error = entry_first(set, &entry("/bin/sh"), Path::new("/none"), "p").unwrap_err();
        assert!(matches!(error, ConfinementError::Detached(_)));
    }
}
