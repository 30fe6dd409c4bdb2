//! Making a container: the work that `create` and `run` share.

use std::cell::RefCell;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use libcontainer::container::Container;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;

use crate::birth::Birth;
use crate::bundle::{Bundle, owns_admin};
use crate::cgroup::companions::Companions;
use crate::config::Settings;
use crate::confinement::{self, EngineFilter};
use crate::container::Store;
use crate::fence::Fencing;
use crate::identifier::ContainerId;
use crate::workload::{Restraints, Role, Workload, readable};
use crate::{stdio, supervise};

/// The flags of `create` and `run`.
#[derive(Debug, clap::Args)]
pub struct CreateOptions {
    /// Folder of the bundle
    #[arg(short, long, default_value = ".")]
    pub bundle: PathBuf,
    /// File that receives the pid of the first process
    #[arg(long, value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
    /// Unix socket that receives the terminal
    #[arg(long, value_name = "SOCKET")]
    pub console_socket: Option<PathBuf>,
    /// Do not use pivot_root, for a root on an initial ramdisk
    #[arg(long)]
    pub no_pivot: bool,
    /// Keep the session keyring of the engine
    #[arg(long)]
    pub no_new_keyring: bool,
    /// Number of descriptors after standard error that the container gets
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub preserve_fds: i32,
    /// Name of the container
    pub id: ContainerId,
}

/// A container in the making.
struct Launch<'s> {
    settings: &'s Settings,
    options: &'s CreateOptions,
    store: Store,
    bundle: Bundle,
    detached: bool,
}

/// Makes the container; it waits for `start`. Nothing is left behind if that fails.
pub fn create(
    settings: &Settings,
    options: &CreateOptions,
    detached: bool,
) -> anyhow::Result<Container> {
    let store = Store::new(&settings.config.root);
    store.ensure_free(&options.id)?;
    let bundle = Bundle::open(&options.bundle)?;
    bundle.ensure_supported()?;
    Launch { settings, options, store, bundle, detached }.run()
}

impl Launch<'_> {
    fn run(&self) -> anyhow::Result<Container> {
        let id = &self.options.id;
        let process = self.bundle.process()?;
        let engine = EngineFilter::of(&self.bundle, process)?;
        let confinement = confinement::prepare(self.settings, id, &self.bundle)?;
        let fencing = Fencing::of(&confinement);
        let claim = Claim::stake(&self.store, id, self.companions())?;
        self.bundle.write_private(&claim.folder, &claim.companions)?;
        let workload = Workload::new(Restraints {
            supervisor: RefCell::new(Some(supervise::start(&claim.folder, confinement)?)),
            engine,
            drop_admin: !owns_admin(process),
            new_keyring: !self.options.no_new_keyring,
            role: Role::First,
        });
        stdio::give_inherited(self.bundle.spec(), process)
            .context("cannot give the output away")?;
        let mut container = self.build(workload, &claim.folder)?;
        if let Err(error) = self.settle(&mut container, &claim, fencing.as_ref()) {
            // Its process waits for a start that will not come; the first error is the one to report.
            let _ = container.delete(true);
            return Err(error);
        }
        claim.keep();
        Ok(container)
    }

    fn companions(&self) -> Companions {
        self.bundle.companions(self.options.id.as_str(), self.settings.systemd_cgroup)
    }

    fn build(&self, workload: Workload, private: &Path) -> anyhow::Result<Container> {
        let options = self.options;
        ContainerBuilder::new(options.id.to_string(), SyscallType::default())
            .with_executor(workload)
            .with_root_path(self.store.root())?
            .with_pid_file(options.pid_file.as_ref())?
            .with_console_socket(options.console_socket.as_ref())
            .with_preserved_fds(options.preserve_fds)
            .as_init(private)
            .with_systemd(self.settings.systemd_cgroup)
            .with_detach(self.detached)
            .with_no_pivot(options.no_pivot)
            .build()
            .map_err(|error| readable(&error))
            .context("container create failed")
    }

    /// From here on the state names the engine's bundle, not the private one, and tells the first process
    /// from a later one with the same number.
    fn settle(
        &self,
        container: &mut Container,
        claim: &Claim,
        fencing: Option<&Fencing>,
    ) -> anyhow::Result<()> {
        let pid = container.pid().context("the container has no process")?.as_raw();
        let birth = Birth::of(pid).context("the container's process is gone")?;
        birth.save(&claim.folder).context("cannot save the container's state")?;
        claim.companions.add(pid).context("cannot move the container into its cgroups")?;
        if let Some(fencing) = fencing {
            fencing.settle(pid, &claim.folder).context("cannot fence the container")?;
        }
        stdio::give_terminal(self.bundle.spec(), self.bundle.process()?, pid)
            .context("cannot give the terminal away")?;
        container.state.bundle = self.bundle.folder().to_owned();
        container.save().context("cannot save the container's state")
    }
}

/// What belongs to a container that is being made: removed unless the container comes to be.
struct Claim {
    folder: PathBuf,
    companions: Companions,
    /// The process that removes it; 0, which is no process, when it is kept.
    owner: u32,
}

impl Claim {
    fn stake(store: &Store, id: &ContainerId, companions: Companions) -> anyhow::Result<Self> {
        let folder = store.own_folder(id);
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(store.root())
            .and_then(|()| DirBuilder::new().mode(0o700).create(&folder))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let claim = Self { folder, companions, owner: std::process::id() };
        claim.companions.make().context("cannot make the container's cgroups")?;
        Ok(claim)
    }

    fn keep(mut self) {
        self.owner = 0;
    }
}

impl Drop for Claim {
    /// Only in the process that staked it: libcontainer's children have copies of this stack, through which
    /// a panic of theirs would unwind.
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            // The error that brought us here is the one to report.
            let _ = supervise::end(&self.folder, 0);
            let _ = self.companions.remove();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
