//! Containers of Kubernetes: the real engine of a node, driven through the interface that the kubelet uses.

mod choice;
mod life;
mod manifests;

use crate::Test;
use anyhow::Result;
use tests::cri::Node;

pub fn tests() -> Vec<Test> {
    [life::tests(), choice::tests(), manifests::tests()].into_iter().flatten().collect()
}

/// What a scenario shows under a handler; under runc and under ours it must be the same.
fn same_as_runc(node: &Node, play: impl Fn(&Node, &str) -> Result<String>) -> Result<()> {
    let (runc, ours) = (play(node, "runc")?, play(node, "systrace")?);
    anyhow::ensure!(runc == ours, "under systrace-shim:\n{ours}\nunder runc:\n{runc}");
    Ok(())
}
