//! Making a container: the work that `create` and `run` share.

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use libcontainer::container::Container;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use oci_spec::runtime::Process;
use supervisor::sockets::programs::LoadedPrograms;

use crate::birth::Birth;
use crate::bundle::Bundle;
use crate::cgroup::companions::Companions;
use crate::cgroup::nested;
use crate::config::Settings;
use crate::confinement::{self, EngineFilter, Prepared};
use crate::container::{StateError, Store};
use crate::fence::Fencing;
use crate::hooks::StartHooks;
use crate::identifier::ContainerId;
use crate::making::Making;
use crate::terminal::Console;
use crate::workload::{Restraints, Role, Workload, readable};
use crate::{lent, loopback, pidfd, sockets, stdio, supervise};

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
    /// Unix socket that receives a descriptor of the process
    #[arg(long, value_name = "SOCKET")]
    pub pidfd_socket: Option<PathBuf>,
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

/// A container that waits for its start, and the far end of its terminal if nobody else has it.
pub struct Created {
    pub container: Container,
    pub terminal: Option<File>,
}

/// Makes the container; it waits for `start`. Nothing is left behind if that fails.
pub fn create(
    settings: &Settings,
    options: &CreateOptions,
    detached: bool,
) -> anyhow::Result<Created> {
    let store = Store::new(&settings.config.root);
    store.ensure_free(&options.id)?;
    let bundle = Bundle::open(&options.bundle)?;
    bundle.ensure_supported()?;
    ensure_folder_of(options.pid_file.as_deref())?;
    Launch { settings, options, store, bundle, detached }.run()
}

/// libcontainer only warns when it cannot write the number that an engine waits for.
pub fn ensure_folder_of(pid_file: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = pid_file.and_then(Path::parent) else { return Ok(()) };
    let there = folder.as_os_str().is_empty() || folder.is_dir();
    anyhow::ensure!(there, "cannot write the pid file: no folder {}", folder.display());
    Ok(())
}

impl Launch<'_> {
    fn run(&self) -> anyhow::Result<Created> {
        let id = &self.options.id;
        let companions = self.companions();
        let judges = sockets::judges(self.bundle.spec(), &companions, self.options.preserve_fds);
        let Prepared { confinement, edits } =
            confinement::prepare(self.settings, id, &self.bundle, judges)?;
        let spec = edits.apply(self.bundle.spec(), &self.bundle.rootfs()?)?;
        let process = spec.process().as_ref().context("no process")?;
        let engine = EngineFilter::of(&self.bundle, process)?;
        let programs = confinement.sockets.clone();
        let fencing = Fencing::of(&confinement);
        let frozen = nested::is_frozen(self.companions().cgroup());
        anyhow::ensure!(!frozen, "container's cgroup unexpectedly frozen");
        let claim = Claim::stake(&self.store, id, companions)?;
        // First what says who makes it and where the groups are: whoever cleans up after a kill finds it there.
        let _making = Making::begin(&claim.folder)?;
        self.bundle.write_private(&claim.folder, spec.clone(), &claim.companions)?;
        edits.save(&claim.folder)?;
        claim.companions.make().context("cannot make the container's cgroups")?;
        let workload = Workload::new(Restraints {
            users: None,
            doors: None,
            supervisor: RefCell::new(Some(supervise::start(&claim.folder, confinement)?)),
            engine,
            lent: lent::to_give_back(process),
            new_keyring: !self.options.no_new_keyring,
            role: Role::First,
            hooks: Some(StartHooks::of(
                self.bundle.spec(),
                id.as_str(),
                self.bundle.folder().to_owned(),
            )),
        });
        stdio::give_inherited(self.bundle.spec(), process)
            .context("cannot give the output away")?;
        let console = self.console(process, &claim.folder)?;
        let mut container = self.build(workload, &claim.folder, console.as_ref())?;
        let mut settled = self.settle(&mut container, &claim, programs.as_deref());
        if let Some(fencing) = fencing.filter(|_| settled.is_ok()) {
            settled = fencing.settle(&container, &claim.folder);
        }
        let settled = settled.and_then(|()| {
            console.map(|console| console.receive().context("no terminal")).transpose()
        });
        match settled {
            Ok(terminal) => {
                claim.keep();
                Ok(Created { container, terminal })
            }
            Err(error) => {
                // Its process waits for a start that will not come; the first error is the one to report.
                let _ = container.delete(true);
                Err(error)
            }
        }
    }

    /// In the foreground the far end of a terminal comes to us.
    fn console(&self, process: &Process, folder: &Path) -> anyhow::Result<Option<Console>> {
        if self.detached || process.terminal() != Some(true) {
            return Ok(None);
        }
        anyhow::ensure!(
            self.options.console_socket.is_none(),
            "cannot use console socket if runc will not detach or allocate tty"
        );
        Console::listen(folder).context("cannot make a console socket").map(Some)
    }

    fn companions(&self) -> Companions {
        self.bundle.companions(self.options.id.as_str(), self.settings.systemd_cgroup)
    }

    fn build(
        &self,
        workload: Workload,
        private: &Path,
        console: Option<&Console>,
    ) -> anyhow::Result<Container> {
        let options = self.options;
        let socket = console.map(Console::path).or(options.console_socket.as_ref());
        ContainerBuilder::new(options.id.to_string(), SyscallType::default())
            .with_executor(workload)
            .with_root_path(self.store.root())?
            .with_pid_file(options.pid_file.as_ref())?
            .with_console_socket(socket)
            .with_preserved_fds(options.preserve_fds)
            .as_init(private)
            .with_systemd(self.settings.systemd_cgroup)
            // libcontainer takes a socket only for one that is detached; nothing else depends on it.
            .with_detach(self.detached || console.is_some())
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
        programs: Option<&LoadedPrograms>,
    ) -> anyhow::Result<()> {
        let pid = container.pid().context("the container has no process")?.as_raw();
        let birth = Birth::of(pid).context("the container's process is gone")?;
        birth.save(&claim.folder).context("cannot save the container's state")?;
        claim.companions.add(pid).context("cannot move the container into its cgroups")?;
        loopback::bring_up(self.bundle.spec(), pid)
            .context("cannot bring up the container's loopback interface")?;
        if let Some(programs) = programs {
            sockets::attach(programs, pid, &claim.folder)?;
        }
        pidfd::send(self.options.pidfd_socket.as_deref(), pid)
            .context("cannot send the process's descriptor")?;
        container.state.bundle = self.bundle.folder().to_owned();
        container.save().context("cannot save the container's state")
    }
}

/// What belongs to a container that is being made: removed unless the container comes to be.
struct Claim {
    folder: PathBuf,
    /// libcontainer's folder. It removes it itself, unless it cannot write what it would need for that: without room on the disk.
    state: PathBuf,
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
            .map_err(|error| match error.kind() {
                // Another call was quicker.
                ErrorKind::AlreadyExists => StateError::Exists(id.clone()).into(),
                _ => anyhow::Error::new(error).context(format!("cannot make {}", folder.display())),
            })?;
        let state = store.root().join(id.as_str());
        Ok(Self { folder, state, companions, owner: std::process::id() })
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
            let _ = fs::remove_dir_all(&self.state);
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
