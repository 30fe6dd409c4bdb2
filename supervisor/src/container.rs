//! What all serving threads know of their container.

use crate::audit::{Audit, Log};
use crate::blocking::Blocked;
use crate::caller::Caller;
use crate::confinement::Confinement;
use crate::constancy::{Changes, Constancy};
use crate::environment::View;
use crate::files::devices::Devices;
use crate::handoff::walls::Choice;
use crate::holder::Journal;
use crate::idmap::IdMap;
use crate::notification::{Denial, Tgid, Tid};
use crate::processes::{Processes, Standing};
use crate::sockets::programs::LoadedPrograms;
use policy::ast::PermitFlag;
use policy::{Action, BindError, Environment, Policy, PolicySet, Subject};
use std::fs::OpenOptions;
use std::hash::RandomState;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

/// What a container is, from the moment when its first listener arrives: never changed, and the same for every supervisor that it
/// will have. What its image says of users and links is read once, before the workload can change it.
#[derive(Debug)]
pub struct Blueprint {
    id: String,
    choice: Choice,
    constancy: Constancy,
    sockets: Option<Arc<LoadedPrograms>>,
    devices: Devices,
    log: Log,
    policies: PolicySet,
    view: View,
    user_namespace: Option<OwnedFd>,
    users: IdMap,
    groups: IdMap,
    tracked: bool,
    names_callers: bool,
    /// Tells programs apart; the workload cannot know how.
    hasher: RandomState,
}

/// One container as the threads of its present supervisor see it.
#[derive(Debug)]
pub struct Container {
    /// Which devices it may use.
    pub devices: Devices,
    /// The book of decisions.
    pub audit: Audit,
    /// The calls that block now.
    pub blocked: Arc<Blocked>,
    /// When its threads may have become others.
    pub changes: Changes,
    /// Which process has which policy.
    pub processes: Processes,
    /// The programs on the sockets of its control group, if there are any.
    pub sockets: Option<Arc<LoadedPrograms>>,
    /// What outlives this supervisor.
    pub journal: &'static Journal,
    blueprint: Arc<Blueprint>,
}

/// Why a container cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The process that handed the listener over cannot be looked at.
    #[error("cannot look into the container")]
    Look(#[source] std::io::Error),
    /// A policy means nothing in this container.
    #[error("{0}")]
    Bind(String),
    /// The audit file cannot be opened.
    #[error("cannot open the audit file {path}")]
    Audit {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Blueprint {
    /// Binds the policies to the container that the process `entry` is in.
    ///
    /// # Errors
    /// [`EnterError`].
    pub fn enter(
        confinement: &Confinement,
        choice: &Choice,
        entry: Tid,
    ) -> Result<Self, EnterError> {
        let user_namespace = foreign_namespace(entry).map_err(EnterError::Look)?;
        // Who serves from inside a namespace sees the numbers of that.
        let (users, groups) = match user_namespace {
            Some(_) => (IdMap::identity(), IdMap::identity()),
            None => IdMap::both(entry).map_err(EnterError::Look)?,
        };
        let view = View::new(root(entry).map_err(EnterError::Look)?, confinement.entry.clone());
        let policies = bind(&confinement.policies, &view)?;
        let rules = || policies.policies.iter().flat_map(Policy::rules);
        let detaches = rules().any(|rule| rule.action == Action::Permit(PermitFlag::Detach));
        let path = &confinement.audit;
        let log =
            Log::open(path).map_err(|source| EnterError::Audit { path: path.clone(), source })?;
        Ok(Self {
            id: confinement.id.clone(),
            choice: choice.made(),
            constancy: confinement.constancy,
            sockets: confinement.sockets.clone(),
            devices: Devices::new(confinement.devices.clone()),
            log,
            tracked: policies.policies.len() > 1 || detaches,
            names_callers: rules().any(|rule| rule.predicate.is_some()),
            hasher: RandomState::new(),
            policies,
            view,
            user_namespace,
            users,
            groups,
        })
    }

    /// The container's identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What further processes are put under.
    #[must_use]
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Where audit records go.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The programs that judge addresses in the kernel.
    #[must_use]
    pub fn sockets(&self) -> Option<&LoadedPrograms> {
        self.sockets.as_deref()
    }

    /// Every descriptor that belongs to it.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        let sockets = self.sockets.iter().flat_map(|sockets| sockets.descriptors());
        let ruleset = self.choice.walls().ruleset.as_ref().map(AsRawFd::as_raw_fd);
        let namespace = self.user_namespace.iter().map(AsRawFd::as_raw_fd);
        let always = [self.view.root().as_raw_fd(), self.log.file().as_raw_fd()];
        always.into_iter().chain(namespace).chain(sockets).chain(ruleset)
    }
}

impl Container {
    /// Begins to keep book of a container, where the last supervisor ended if there was one.
    ///
    /// # Errors
    /// If no thread can be started for the book.
    pub fn start(blueprint: Arc<Blueprint>, journal: &'static Journal) -> std::io::Result<Self> {
        let log = blueprint.log.again()?;
        let blocked = Arc::<Blocked>::default();
        if blueprint.user_namespace.is_some() {
            // The thread must be the supervisor's own, not that of a process that may end before.
            blocked.start()?;
        }
        Ok(Self {
            devices: blueprint.devices.clone(),
            audit: Audit::start(blueprint.id.clone(), &journal.counts, log)?,
            blocked,
            changes: Changes::new(blueprint.constancy),
            processes: Processes::new(&journal.marks, blueprint.hasher.clone()),
            sockets: blueprint.sockets.clone(),
            journal,
            blueprint,
        })
    }

    /// How it numbers users and groups.
    #[must_use]
    pub fn ids(&self) -> (&IdMap, &IdMap) {
        (&self.blueprint.users, &self.blueprint.groups)
    }

    /// Its root directory.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        self.blueprint.view.root()
    }

    /// What it is for every supervisor.
    #[must_use]
    pub fn blueprint(&self) -> Arc<Blueprint> {
        Arc::clone(&self.blueprint)
    }

    /// A Landlock ruleset stands behind the filter: what it denies the kernel would not carry out for the caller, though we
    /// permit it.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.blueprint.choice.walls().ruleset.is_some()
    }

    /// The container's own user namespace; none if it has ours.
    #[must_use]
    pub fn user_namespace(&self) -> Option<BorrowedFd<'_>> {
        self.blueprint.user_namespace.as_ref().map(AsFd::as_fd)
    }

    /// The name of a user of the container.
    #[must_use]
    pub fn user_name(&self, uid: u32) -> Option<Vec<u8>> {
        self.blueprint.view.user_name(uid)
    }

    /// A policy of the set.
    #[must_use]
    pub fn policy(&self, at: usize) -> Option<&Policy> {
        self.blueprint.policies.policies.get(at)
    }

    /// The standing of a process that runs a program by its own policy: `None` if it has none.
    #[must_use]
    pub fn standing_for(&self, program: &[u8]) -> Option<Standing> {
        let program = std::str::from_utf8(program).ok()?;
        let own = self.blueprint.policies.policy_for(program)?;
        let at =
            self.blueprint.policies.policies.iter().position(|policy| std::ptr::eq(policy, own))?;
        Some(self.standing_at(at))
    }

    /// What the policy at this place means for a process.
    #[must_use]
    pub fn standing_at(&self, at: usize) -> Standing {
        match self.policy(at) {
            Some(policy) if policy.is_detached() => Standing::Detached,
            _ => Standing::Policy(at),
        }
    }

    /// Whether processes can differ in what governs them.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        self.blueprint.tracked
    }

    /// What governs the caller; all of it must permit.
    ///
    /// # Errors
    /// A refusal if nothing is known of the process.
    pub fn standings(&self, caller: &Caller<'_>) -> Result<Vec<Standing>, Denial> {
        if !self.blueprint.tracked {
            return Ok(vec![self.standing_at(0)]);
        }
        // A number in the book is that of a living process, so a thread with this number leads it.
        if let Some(standings) = self.processes.known(Tgid(caller.tid().0)) {
            return Ok(standings);
        }
        if let Some(standings) = self.processes.known(caller.tgid()?) {
            return Ok(standings);
        }
        let standings = self.processes.recognise(caller)?;
        if standings.is_empty() {
            return Err(Denial::because("nothing is known of the process that calls"));
        }
        Ok(standings)
    }

    /// Notes what governs a process that has loaded a program and does not run yet.
    ///
    /// # Errors
    /// If the process cannot be told apart from a later one: it must not run then.
    pub fn enters(&self, process: Tgid, standings: Vec<Standing>) -> std::io::Result<()> {
        if self.blueprint.tracked {
            self.processes.enter(process, standings)?;
        }
        Ok(())
    }

    /// The caller as `if user = …` sees it.
    ///
    /// # Errors
    /// As [`Caller::status`].
    pub fn subject(&self, caller: &Caller<'_>) -> Result<Subject, Denial> {
        if !self.blueprint.names_callers {
            return Ok(Subject::default());
        }
        let status = caller.status()?;
        let inside = |map: &IdMap, id| {
            map.inside(id)
                .ok_or_else(|| Denial::because("the container has no number for the caller"))
        };
        Ok(Subject {
            uid: inside(&self.blueprint.users, status.uids[0])?,
            gid: inside(&self.blueprint.groups, status.gids[0])?,
        })
    }
}

/// Every policy as it is in the container; all that is wrong with any of them otherwise.
fn bind(set: &PolicySet, view: &View) -> Result<PolicySet, EnterError> {
    let (mut policies, mut errors) = (Vec::new(), Vec::new());
    for policy in &set.policies {
        match policy.bind(view) {
            Ok(bound) => policies.push(bound),
            Err(wrong) => errors.extend(wrong.iter().map(BindError::to_string)),
        }
    }
    if errors.is_empty() {
        Ok(PolicySet { policies })
    } else {
        Err(EnterError::Bind(errors.join("; ")))
    }
}

fn root(entry: Tid) -> std::io::Result<OwnedFd> {
    let path = format!("/proc/{}/root", entry.0);
    let options = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)?;
    Ok(options.into())
}

/// The user namespace of a process, if it is not ours.
fn foreign_namespace(process: Tid) -> std::io::Result<Option<OwnedFd>> {
    let path = format!("/proc/{}/ns/user", process.0);
    if std::fs::read_link(&path)? == std::fs::read_link("/proc/self/ns/user")? {
        return Ok(None);
    }
    Ok(Some(std::fs::File::open(path)?.into()))
}
