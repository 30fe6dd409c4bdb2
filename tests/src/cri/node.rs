//! A private node of a cluster, without the cluster: containerd with its Kubernetes interface, in a network namespace of
//! its own, where the addresses that it gives to pods meet nobody's.

use super::client::Client;
use super::image;
use crate::command::{Finished, finish, limited};
use crate::place::{self, Home};
use crate::sweep;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the engine may take to be ready.
const START: Duration = Duration::from_secs(60);

/// The runtime handlers, as pods name them through their RuntimeClass, and the configuration of each.
const HANDLERS: [(&str, &str); 3] = [
    // Users choose among the policies.
    ("systrace", "allow-annotation = true\ndefault-policy = 'everyday'\n"),
    // The administrator has chosen.
    ("systrace-fixed", "default-policy = 'everyday'\n"),
    // As in the example for Kubernetes.
    ("systrace-example", include_str!("../../../examples/kubernetes/shim.toml")),
];
/// Where the example keeps the policies of a node.
const CLUSTER_POLICIES: &str = "/etc/systrace/cluster";

/// A running node. Dropped, it and everything on it is gone.
#[derive(Debug)]
pub struct Node {
    home: Home,
}

impl Node {
    /// Starts it, and gives it the images.
    ///
    /// # Errors
    /// The engine does not come up, or something is missing.
    pub fn start() -> Result<Self> {
        let home = Home::of_node();
        fs::create_dir_all(home.path())?;
        sweep::engine(&home).context("cannot clean up after an earlier node")?;
        sweep::at_signal()?;
        let node = Self { home };
        node.bring_up()?;
        Ok(node)
    }

    fn bring_up(&self) -> Result<()> {
        for folder in ["logs", "cni", "images", "audit", "runc"] {
            fs::create_dir_all(self.home.run().join(folder))?;
        }
        for (name, configuration) in HANDLERS {
            self.write_handler(name, configuration)?;
        }
        self.write_network()?;
        let file = self.home.run().join("containerd.toml");
        fs::write(&file, self.configuration())?;
        self.spawn(&file)?;
        self.wait_until_ready()?;
        let folder = self.home.run().join("images");
        for archive in [image::pause(&folder)?, image::busybox(&folder)?] {
            self.ctr(&["images", "import", &archive.to_string_lossy()])?.success()?;
        }
        Ok(())
    }

    /// containerd passes a runtime no arguments of the administrator's; a node has /etc/systrace/shim.toml, and we a
    /// script that names another file.
    fn write_handler(&self, name: &str, configuration: &str) -> Result<()> {
        let (script, file) = (self.handler(name), self.home.run().join(format!("{name}.toml")));
        let here = self.cluster_policies().display().to_string();
        let mut text = configuration.replace(CLUSTER_POLICIES, &here);
        text += &format!("audit = '{}/<id>.jsonl'\n", self.home.audit().display());
        if !text.contains("policy-dir") {
            let policies = place::workspace().join("tests/policies/pods");
            text += &format!("policy-dir = '{}'\n", policies.display());
        }
        fs::write(&file, text)?;
        let line =
            format!("exec '{}' --config='{}' \"$@\"", place::shim().display(), file.display());
        fs::write(&script, format!("#!/bin/sh\n{line}\n"))?;
        Ok(fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?)
    }

    /// Where the policies of the example's cluster come to lie.
    #[must_use]
    pub fn cluster_policies(&self) -> PathBuf {
        self.home.run().join("cluster-policies")
    }

    /// The program of a runtime handler.
    #[must_use]
    pub fn handler(&self, name: &str) -> PathBuf {
        self.home.run().join(name)
    }

    fn write_network(&self) -> Result<()> {
        let folder = self.home.run().join("cni");
        let network = json!({
            "cniVersion": "0.4.0",
            "name": "systrace-test",
            "plugins": [{
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "subnet": "10.88.77.0/24",
                    "dataDir": self.home.run().join("addresses"),
                },
            }],
        });
        Ok(fs::write(folder.join("10-test.conflist"), network.to_string())?)
    }

    fn configuration(&self) -> String {
        let run = self.home.run().display().to_string();
        let mut text = format!(
            "version = 2\nroot = '{run}/containerd/root'\nstate = '{run}/containerd/state'\n\
             [grpc]\naddress = '{}'\n\
             [plugins.'io.containerd.grpc.v1.cri']\n\
             sandbox_image = '{}'\ndisable_apparmor = true\nnetns_mounts_under_state_dir = true\n\
             restrict_oom_score_adj = true\n\
             [plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dir = '/usr/lib/cni'\nconf_dir = '{run}/cni'\n",
            self.home.containerd_socket().display(),
            image::PAUSE,
        );
        let runtimes = HANDLERS.map(|(name, _)| (name, self.handler(name).display().to_string()));
        for (name, program) in runtimes.into_iter().chain([("runc", "runc".to_owned())]) {
            let table = format!("plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.{name}");
            text += &format!(
                "[{table}]\nruntime_type = 'io.containerd.runc.v2'\npod_annotations = ['systrace-shim.io/*']\n\
                 [{table}.options]\nBinaryName = '{program}'\nRoot = '{run}/runc'\n",
            );
        }
        text
    }

    /// The shell becomes the engine, so the number of the one is the other's.
    fn spawn(&self, configuration: &Path) -> Result<()> {
        let script = "busybox ip link set lo up && exec containerd --config \"$1\"";
        let log = File::create(self.home.log("containerd"))?;
        let child = Command::new("unshare")
            .args(["--net", "sh", "-c", script, "sh"])
            .arg(configuration)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start containerd: is the set-up done? (make setup)")?;
        Ok(fs::write(self.home.pid_file("containerd"), child.id().to_string())?)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let started = Instant::now();
        while !self.ready() {
            if started.elapsed() > START {
                bail!("the node is not ready, see {}", self.home.log("containerd").display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// As the kubelet asks: runtime and network.
    fn ready(&self) -> bool {
        let answer: Result<super::api::StatusResponse> =
            self.client().call("Status", super::api::Nothing {});
        let status = answer.ok().and_then(|answer| answer.status);
        status.is_some_and(|status| status.conditions.iter().all(|condition| condition.status))
    }

    /// Runs containerd's own client in the namespace of Kubernetes.
    ///
    /// # Errors
    /// The client could not be started.
    pub fn ctr(&self, words: &[&str]) -> Result<Finished> {
        self.ctr_in("k8s.io", words)
    }

    /// The same in another namespace of containerd's.
    ///
    /// # Errors
    /// The client could not be started.
    pub fn ctr_in(&self, namespace: &str, words: &[&str]) -> Result<Finished> {
        finish(self.ctr_command(namespace).args(words), b"")
    }

    /// The client, to be given its sub-command.
    #[must_use]
    pub fn ctr_command(&self, namespace: &str) -> Command {
        let mut ctr = limited("ctr");
        ctr.arg("--address").arg(self.home.containerd_socket()).args(["--namespace", namespace]);
        ctr
    }

    /// The kubelet's side of the engine.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.home.containerd_socket())
    }

    /// Where its files are.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = sweep::engine(&self.home) {
            eprintln!("the node could not be cleaned up: {error:#}");
        }
    }
}
