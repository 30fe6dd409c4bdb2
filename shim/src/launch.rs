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
use crate::config::Settings;
use crate::confinement::{self, EngineFilter};
use crate::container::Store;
use crate::identifier::ContainerId;
use crate::supervise;
use crate::workload::{Restraints, Workload, readable};

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
    let engine = EngineFilter::of(bundle.engine_profile())?;
    let confinement = confinement::prepare(settings, &options.id, &bundle)?;
    let own = OwnFolder::create(&store, &options.id)?;
    bundle.write_private(own.path())?;
    let workload = Workload::new(Restraints {
        filter: confinement.filter.clone(),
        supervisor: RefCell::new(Some(supervise::start(own.path(), confinement)?)),
        engine,
        drop_admin: !owns_admin(bundle.process()?),
        new_keyring: !options.no_new_keyring,
    });
    let container =
        build(&store, options, own.path(), (workload, settings.systemd_cgroup, detached))
            .and_then(|container| reveal(container, &bundle, own.path()))?;
    own.keep();
    Ok(container)
}

fn build(
    store: &Store,
    options: &CreateOptions,
    private: &Path,
    (workload, systemd, detached): (Workload, bool, bool),
) -> anyhow::Result<Container> {
    ContainerBuilder::new(options.id.to_string(), SyscallType::default())
        .with_executor(workload)
        .with_root_path(store.root())?
        .with_pid_file(options.pid_file.as_ref())?
        .with_console_socket(options.console_socket.as_ref())
        .with_preserved_fds(options.preserve_fds)
        .as_init(private)
        .with_systemd(systemd)
        .with_detach(detached)
        .with_no_pivot(options.no_pivot)
        .build()
        .map_err(|error| readable(&error))
        .context("container create failed")
}

/// From here on the state names the engine's bundle, not the private one, and tells the first process from
/// a later one with the same number.
fn reveal(mut container: Container, bundle: &Bundle, own: &Path) -> anyhow::Result<Container> {
    let pid = container.pid().context("the container has no process")?;
    let birth = Birth::of(pid.as_raw()).context("the container's process is gone")?;
    birth.save(own).context("cannot save the container's state")?;
    container.state.bundle = bundle.folder().to_owned();
    container.save().context("cannot save the container's state")?;
    Ok(container)
}

/// Our folder of a container that is being made: removed unless the container comes to be.
struct OwnFolder {
    path: PathBuf,
    kept: bool,
}

impl OwnFolder {
    fn create(store: &Store, id: &ContainerId) -> anyhow::Result<Self> {
        let path = store.own_folder(id);
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(store.root())
            .and_then(|()| DirBuilder::new().mode(0o700).create(&path))
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, kept: false })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if !self.kept {
            // The error that brought us here is the one to report.
            let _ = supervise::end(&self.path, 0);
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
