//! Pods and their containers, made and removed as the kubelet does.

use super::api::{
    ContainerConfig, ContainerMetadata, ContainerSecurity, ContainerStatsResponse, ContainerStatus,
    ContainerStatusResponse, CreateContainer, ExecSync, ExecSyncResponse, Identity, Image,
    LinuxContainer, LinuxPod, Namespaces, Nothing, PodConfig, PodMetadata, PodSecurity, Resources,
    RunPodSandbox, SecurityProfile, StopContainer, UpdateContainer,
};
use super::{Node, image};
use crate::Finished;
use crate::audit::{self, Record};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a test waits for something that a container does in the background.
const PATIENCE: Duration = Duration::from_secs(15);
/// Each container sees its own processes only, as the kubelet asks unless told otherwise.
const OWN_PROCESSES: Namespaces = Namespaces { network: 0, pid: 1, ipc: 0 };

/// A running pod. Dropped, it is stopped and removed with all its containers.
#[derive(Debug)]
pub struct Pod<'n> {
    node: &'n Node,
    id: String,
    config: PodConfig,
}

/// A container of a pod.
#[derive(Debug)]
pub struct PodContainer<'p> {
    pod: &'p Pod<'p>,
    id: String,
    log: PathBuf,
}

impl<'n> Pod<'n> {
    /// Runs the sandbox of a new pod under a runtime handler; the annotations are the pod's.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn run(node: &'n Node, handler: &str, annotations: &[(&str, &str)]) -> Result<Self> {
        Self::run_with(node, handler, config(node, annotations)?)
    }

    /// The same, but the containers see each other's processes.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn run_sharing_processes(
        node: &'n Node,
        handler: &str,
        annotations: &[(&str, &str)],
    ) -> Result<Self> {
        let mut config = config(node, annotations)?;
        config.linux.get_or_insert_default().security =
            Some(PodSecurity { namespaces: Some(Namespaces { pid: 0, ..OWN_PROCESSES }) });
        Self::run_with(node, handler, config)
    }

    fn run_with(node: &'n Node, handler: &str, config: PodConfig) -> Result<Self> {
        let request =
            RunPodSandbox { config: Some(config.clone()), runtime_handler: handler.to_owned() };
        let Identity { id } = node.client().call("RunPodSandbox", request)?;
        Ok(Self { node, id, config })
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Creates a container of busybox and starts it.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn container(&self, name: &str, script: &str) -> Result<PodContainer<'_>> {
        let container = self.create(name, script, |_| {})?;
        container.start()?;
        Ok(container)
    }

    /// Creates a container whose configuration is changed first.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn create(
        &self,
        name: &str,
        script: &str,
        change: impl FnOnce(&mut ContainerConfig),
    ) -> Result<PodContainer<'_>> {
        let mut config = container_config(name, script, self.namespaces());
        change(&mut config);
        let log = PathBuf::from(&self.config.log_directory).join(&config.log_path);
        let request = CreateContainer {
            pod: self.id.clone(),
            config: Some(config),
            pod_config: Some(self.config.clone()),
        };
        let Identity { id } = self.node.client().call("CreateContainer", request)?;
        Ok(PodContainer { pod: self, id, log })
    }

    fn namespaces(&self) -> Namespaces {
        let security = self.config.linux.as_ref().and_then(|linux| linux.security.as_ref());
        security.and_then(|security| security.namespaces).unwrap_or(OWN_PROCESSES)
    }

    /// The program of the sandbox's process, as the host sees it.
    ///
    /// # Errors
    /// The sandbox has no process.
    pub fn first_process(&self) -> Result<String> {
        let tasks = self.node.ctr(&["tasks", "list"])?.success()?;
        let row = tasks.lines().find(|line| line.starts_with(&self.id)).context("no task")?;
        let pid = row.split_whitespace().nth(1).context("no pid")?;
        Ok(fs::read_link(format!("/proc/{pid}/exe"))?.display().to_string())
    }

    /// Stops the sandbox and every container.
    ///
    /// # Errors
    /// The engine's.
    pub fn stop(&self) -> Result<()> {
        self.node
            .client()
            .call::<_, Nothing>("StopPodSandbox", Identity { id: self.id.clone() })
            .map(drop)
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        let client = self.node.client();
        for method in ["StopPodSandbox", "RemovePodSandbox"] {
            // What is left in spite of this shows in the leak tests.
            drop(client.call::<_, Nothing>(method, Identity { id: self.id.clone() }));
        }
    }
}

fn config(node: &Node, annotations: &[(&str, &str)]) -> Result<PodConfig> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("pod-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let logs = node.home().run().join("logs").join(&name);
    fs::create_dir_all(&logs)?;
    let uid = format!("{name}-{}", std::process::id());
    let pairs = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Ok(PodConfig {
        metadata: Some(PodMetadata { name: name.clone(), uid, namespace: "test".to_owned() }),
        hostname: name,
        log_directory: logs.display().to_string(),
        annotations: pairs.collect(),
        linux: Some(LinuxPod {
            cgroup_parent: node.home().cgroup(),
            security: Some(PodSecurity { namespaces: Some(OWN_PROCESSES) }),
        }),
    })
}

fn container_config(name: &str, script: &str, namespaces: Namespaces) -> ContainerConfig {
    ContainerConfig {
        metadata: Some(ContainerMetadata { name: name.to_owned() }),
        image: Some(Image { image: image::BUSYBOX.to_owned() }),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        mounts: vec![],
        log_path: format!("{name}.log"),
        tty: false,
        linux: Some(LinuxContainer {
            resources: Some(Resources { cpu_shares: 128, memory_limit_in_bytes: 64 << 20 }),
            security: Some(ContainerSecurity {
                namespaces: Some(namespaces),
                run_as_user: None,
                no_new_privs: false,
                seccomp: Some(SecurityProfile { kind: 0 }),
            }),
        }),
    }
}

impl PodContainer<'_> {
    /// Its identity.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn identity(&self) -> Identity {
        Identity { id: self.id.clone() }
    }

    /// Lets it run.
    ///
    /// # Errors
    /// The engine's.
    pub fn start(&self) -> Result<()> {
        self.pod.node.client().call::<_, Nothing>("StartContainer", self.identity()).map(drop)
    }

    /// Asks it to end, and kills it after `timeout` seconds.
    ///
    /// # Errors
    /// The engine's.
    pub fn stop(&self, timeout: i64) -> Result<()> {
        let request = StopContainer { id: self.id.clone(), timeout };
        self.pod.node.client().call::<_, Nothing>("StopContainer", request).map(drop)
    }

    /// Removes it.
    ///
    /// # Errors
    /// The engine's.
    pub fn remove(self) -> Result<()> {
        self.pod.node.client().call::<_, Nothing>("RemoveContainer", self.identity()).map(drop)
    }

    /// Runs a command in it, without a terminal, and gives what it wrote.
    ///
    /// # Errors
    /// The engine's: the command could not be run.
    pub fn exec(&self, words: &[&str]) -> Result<Finished> {
        let cmd = words.iter().map(|word| (*word).to_owned()).collect();
        let request = ExecSync { id: self.id.clone(), cmd, timeout: 30 };
        let answer: ExecSyncResponse = self.pod.node.client().call("ExecSync", request)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Finished {
            status: answer.exit_code,
            stdout: text(answer.stdout),
            stderr: text(answer.stderr),
        })
    }

    /// Changes its limits while it runs.
    ///
    /// # Errors
    /// The engine's.
    pub fn update(&self, resources: Resources) -> Result<()> {
        let request = UpdateContainer { id: self.id.clone(), linux: Some(resources) };
        self.pod.node.client().call::<_, Nothing>("UpdateContainerResources", request).map(drop)
    }

    /// Its state.
    ///
    /// # Errors
    /// The engine does not know it.
    pub fn status(&self) -> Result<ContainerStatus> {
        let answer: ContainerStatusResponse =
            self.pod.node.client().call("ContainerStatus", self.identity())?;
        answer.status.context("no status")
    }

    /// Bytes of memory and nanoseconds of processor time that it uses.
    ///
    /// # Errors
    /// The engine cannot tell.
    pub fn stats(&self) -> Result<(u64, u64)> {
        let answer: ContainerStatsResponse =
            self.pod.node.client().call("ContainerStats", self.identity())?;
        let stats = answer.stats.context("no statistics")?;
        let memory = stats.memory.and_then(|memory| memory.working_set).context("no memory")?;
        let time = stats.cpu.and_then(|cpu| cpu.nanoseconds).context("no processor time")?;
        Ok((memory.value, time.value))
    }

    /// Waits for its end and gives its exit status.
    ///
    /// # Errors
    /// It goes on.
    pub fn wait(&self) -> Result<i32> {
        const EXITED: i32 = 2;
        let started = Instant::now();
        loop {
            let status = self.status()?;
            if status.state == EXITED {
                return Ok(status.exit_code);
            }
            if started.elapsed() > PATIENCE {
                bail!("the container goes on: {}", self.logs()?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it wrote so far, without the time and the stream that the engine puts before each line.
    ///
    /// # Errors
    /// There is no log.
    pub fn logs(&self) -> Result<String> {
        let text = fs::read_to_string(&self.log).context("no log")?;
        let lines = text.lines().filter_map(|line| line.splitn(4, ' ').nth(3));
        Ok(lines.map(|line| format!("{line}\n")).collect())
    }

    /// Waits until its log contains `text`.
    ///
    /// # Errors
    /// It does not within some seconds.
    pub fn await_log(&self, text: &str) -> Result<()> {
        let started = Instant::now();
        while !self.logs().unwrap_or_default().contains(text) {
            if started.elapsed() > PATIENCE {
                bail!("the container did not say {text:?}, but: {}", self.logs()?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The audit records so far.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn audit(&self) -> Result<Vec<Record>> {
        audit::records_so_far(self.pod.node.home(), &self.id)
    }
}
