//! A private Docker engine: its own containerd, socket, data root, exec root and control group, no bridge, no iptables.

use crate::command::{Finished, LIMIT, finish, limited_to};
use crate::container::Container;
use crate::place::{self, Home};
use crate::{runtime, sweep};
use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Debian's client: a machine may have another, newer one in front of it in `PATH`.
const CLIENT: &str = "/usr/bin/docker";
const ENGINE: &str = "/usr/sbin/dockerd";
const CONTAINERD: &str = "/usr/bin/containerd";

/// The images, as the set-up made them.
const IMAGES: [&str; 2] = ["busybox", "debian"];

/// Seconds that the import of a large image may take.
const IMPORT: u32 = 300;

/// How long a daemon may take to answer.
const START: Duration = Duration::from_secs(60);

/// A running engine. Dropped, it and everything in it is gone.
#[derive(Debug)]
pub struct Engine {
    home: Home,
    /// One engine per workspace: held as long as it runs.
    _lock: Flock<File>,
}

impl Engine {
    /// Starts the engine, with all runtimes and images known to it, and arranges that Ctrl-C or SIGTERM ends it.
    ///
    /// # Errors
    /// A daemon does not come up, an image is missing, or another engine of this workspace runs.
    pub fn start() -> Result<Self> {
        let home = Home::of_workspace();
        fs::create_dir_all(home.path())?;
        let lock = lock(&home)?;
        sweep::engine(&home).context("cannot clean up after an earlier engine")?;
        let engine = Self { home, _lock: lock };
        sweep::at_signal()?;
        engine.bring_up()?;
        Ok(engine)
    }

    fn bring_up(&self) -> Result<()> {
        for folder in [
            self.home.data(),
            self.home.exec_root(),
            self.home.audit(),
            self.home.run().join("client"),
        ] {
            fs::create_dir_all(&folder)?;
        }
        self.start_containerd()?;
        self.start_dockerd()?;
        for image in IMAGES {
            self.import(image)?;
        }
        Ok(())
    }

    fn start_containerd(&self) -> Result<()> {
        let (run, socket) = (self.home.run(), self.home.containerd_socket());
        let file = run.join("containerd.toml");
        let folder = run.join("containerd");
        let configuration = format!(
            "version = 2\nroot = '{0}/root'\nstate = '{0}/state'\n\
             disabled_plugins = ['io.containerd.grpc.v1.cri']\n[grpc]\naddress = '{1}'\n",
            folder.display(),
            socket.display(),
        );
        fs::write(&file, configuration)?;
        let pid = self.spawn("containerd", Command::new(CONTAINERD).arg("--config").arg(&file))?;
        fs::write(self.home.pid_file("containerd"), pid.to_string())?;
        self.wait_for("containerd", || Ok(socket.exists()))
    }

    fn start_dockerd(&self) -> Result<()> {
        let run = self.home.run();
        let file = run.join("daemon.json");
        let configuration = json!({
            "runtimes": runtime::register(&self.home)?,
            "bridge": "none",
            "iptables": false,
            "ip6tables": false,
            "ip-forward": false,
            "storage-driver": "overlay2",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "cgroup-parent": self.home.cgroup(),
            "hosts": [format!("unix://{}", self.home.socket().display())],
            "containerd": self.home.containerd_socket(),
            "data-root": self.home.data(),
            "exec-root": self.home.exec_root(),
            "pidfile": self.home.pid_file("dockerd"),
            // Docker 20.10 writes this key to /etc/docker unless told otherwise.
            "deprecated-key-path": run.join("key.json"),
        });
        fs::write(&file, serde_json::to_vec_pretty(&configuration)?)?;
        self.spawn("dockerd", Command::new(ENGINE).arg("--config-file").arg(&file))?;
        self.wait_for("dockerd", || Ok(self.docker(["version"])?.status == 0))
    }

    /// Starts a daemon in a process group of its own: Ctrl-C must reach us first, not the engine.
    fn spawn(&self, name: &str, command: &mut Command) -> Result<u32> {
        let log = File::create(self.home.log(name))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}: is the set-up done? (make setup)"))?;
        Ok(child.id())
    }

    fn wait_for(&self, daemon: &str, ready: impl Fn() -> Result<bool>) -> Result<()> {
        let started = Instant::now();
        while !ready()? {
            if started.elapsed() > START {
                bail!("{daemon} does not answer, see {}", self.home.log(daemon).display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Makes the image known that the set-up has built.
    ///
    /// # Errors
    /// The set-up has not built it.
    pub fn import(&self, image: &str) -> Result<()> {
        let tag = tag(image)?;
        if self.docker(["image", "inspect", &tag])?.status == 0 {
            return Ok(());
        }
        let archive = place::image(image);
        let words = ["import", &archive.to_string_lossy(), &tag];
        finish(client_within(&self.home, IMPORT).args(words), b"")?.success()?;
        Ok(())
    }

    /// A container of `image`, not yet created.
    pub fn container(&self, image: &str) -> Container<'_> {
        Container::new(self, image)
    }

    /// Runs the client.
    ///
    /// # Errors
    /// The client could not be started.
    pub fn docker<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Finished> {
        finish(self.client().args(arguments), b"")
    }

    /// The client, talking to this engine whatever the caller's environment says.
    #[must_use]
    pub fn client(&self) -> Command {
        client(&self.home)
    }

    /// Where the engine's files are.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = sweep::engine(&self.home) {
            eprintln!("the engine could not be cleaned up: {error:#}");
        }
    }
}

/// The client for the engine at `home`.
#[must_use]
pub fn client(home: &Home) -> Command {
    client_within(home, LIMIT)
}

/// As [`client`], for what may take longer: killed after so many seconds.
#[must_use]
pub fn client_within(home: &Home, limit: u32) -> Command {
    let mut command = limited_to(limit, CLIENT);
    command
        .args(["--config", &home.run().join("client").to_string_lossy()])
        .args(["--host", &format!("unix://{}", home.socket().display())])
        .env_remove("DOCKER_HOST")
        .env_remove("DOCKER_CONTEXT");
    command
}

/// The tag under which an image is imported: it changes with the image's key.
///
/// # Errors
/// The set-up has not built the image.
pub fn tag(image: &str) -> Result<String> {
    let file = place::image(image).with_extension("key");
    let key = fs::read_to_string(&file).with_context(|| {
        format!(
            "no image {image}: run the set-up first (make setup); looked for {}",
            file.display()
        )
    })?;
    Ok(format!("systrace/{image}:{}", key.trim()))
}

fn lock(home: &Home) -> Result<Flock<File>> {
    let path: &Path = &home.path().join("lock");
    let file = File::create(path)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno).with_context(
        || format!("another engine of this workspace runs: {} is locked", path.display()),
    )
}
