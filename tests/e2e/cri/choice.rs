//! Which policy a container of a pod gets, and what happens if it cannot have it.

use crate::{Test, tests_of_node};
use anyhow::{Result, ensure};
use tests::cri::{Node, Pod, PodContainer};

const POLICY: &str = "systrace-shim.io/policy";

pub fn tests() -> Vec<Test> {
    tests_of_node![
        each_container_of_a_pod_has_its_own_policy,
        a_pods_annotation_is_for_all_its_containers,
        the_entry_program_chooses,
        the_default_is_the_last_resort,
        a_sandbox_is_not_its_pods_policys,
        a_forbidden_choice_is_refused,
        unknown_and_broken_policies_are_refused,
    ]
}

/// Whether a shell line succeeds in the container.
fn works(container: &PodContainer<'_>, line: &str) -> Result<bool> {
    Ok(container.exec(&["sh", "-c", line])?.status == 0)
}

/// Which of the policies of the tests a container is under, by what it may do.
fn policy_of(container: &PodContainer<'_>) -> Result<&'static str> {
    let tried = [
        works(container, "cat /etc/passwd")?,
        works(container, "cat /etc/group")?,
        works(container, "echo x > /tmp/file")?,
        works(container, "echo x > /var/file")?,
    ];
    Ok(match tried {
        [false, true, true, false] => "front",
        [true, true, false, true] => "back",
        [true, false, true, true] => "everyday",
        [true, true, false, false] => "bin_sleep",
        [true, true, true, true] => "none",
        _ => anyhow::bail!("no policy allows this: {tried:?}"),
    })
}

fn ensure_policy(container: &PodContainer<'_>, wanted: &str) -> Result<()> {
    let found = policy_of(container)?;
    ensure!(found == wanted, "{found}, not {wanted}");
    Ok(())
}

fn each_container_of_a_pod_has_its_own_policy(node: &Node) -> Result<()> {
    let annotations =
        [("systrace-shim.io/policy.web", "front"), ("systrace-shim.io/policy.worker", "back")];
    let pod = Pod::run(node, "systrace", &annotations)?;
    let web = pod.container("web", "exec sleep 1000")?;
    let worker = pod.container("worker", "exec sleep 1000")?;
    let other = pod.container("other", "echo started; exec sleep 1000")?;
    ensure_policy(&web, "front")?;
    ensure_policy(&worker, "back")?;
    ensure_policy(&other, "everyday")?;
    let denied = web.audit()?;
    ensure!(
        denied.iter().any(|record| record.decision == "deny"
            && record.rule.as_deref().is_some_and(|rule| rule.contains("front.policy:5"))),
        "{denied:?}"
    );
    Ok(())
}

fn a_pods_annotation_is_for_all_its_containers(node: &Node) -> Result<()> {
    let annotations = [(POLICY, "front"), ("systrace-shim.io/policy.worker", "back")];
    let pod = Pod::run(node, "systrace", &annotations)?;
    ensure_policy(&pod.container("web", "exec sleep 1000")?, "front")?;
    ensure_policy(&pod.container("worker", "exec sleep 1000")?, "back")
}

fn the_entry_program_chooses(node: &Node) -> Result<()> {
    let pod = Pod::run(node, "systrace", &[])?;
    let container = pod.create("main", "", |config| {
        config.command = ["sleep", "1000"].map(str::to_owned).to_vec();
    })?;
    container.start()?;
    ensure_policy(&container, "bin_sleep")
}

fn the_default_is_the_last_resort(node: &Node) -> Result<()> {
    for handler in ["systrace", "systrace-fixed"] {
        let pod = Pod::run(node, handler, &[])?;
        ensure_policy(&pod.container("main", "sleep 1000")?, "everyday")?;
    }
    let pod = Pod::run(node, "runc", &[(POLICY, "front")])?;
    ensure_policy(&pod.container("main", "sleep 1000")?, "none")
}

/// No program starts under this policy, but the sandbox does, and goes on.
fn a_sandbox_is_not_its_pods_policys(node: &Node) -> Result<()> {
    let pod = Pod::run(node, "systrace", &[(POLICY, "nothing")])?;
    let container = pod.create("main", "true", |_| {})?;
    let started = container.start().is_ok() && container.wait()? == 0;
    ensure!(!started, "a program ran under a policy that permits none");
    let first = pod.first_process()?;
    ensure!(first.ends_with("/pause"), "{first}");
    Ok(())
}

/// The error is the kubelet's event, which the pod's author reads.
fn refused(node: &Node, handler: &str, policy: &str, phrases: &[&str]) -> Result<()> {
    let pod = Pod::run(node, handler, &[("systrace-shim.io/policy.web", policy)])?;
    let web = pod.create("web", "sleep 1000", |_| {})?;
    let Err(error) = web.start() else { anyhow::bail!("it started under {policy}") };
    let error = format!("{error:#}");
    for phrase in phrases {
        ensure!(error.contains(phrase), "{phrase:?} is not in {error:?}");
    }
    ensure!(!error.contains('\n'), "{error}");
    let status = web.status()?;
    ensure!(status.reason == "StartError" && status.message.contains(phrases[0]), "{status:?}");
    // The node and the rest of the pod go on.
    ensure_policy(&pod.container("other", "sleep 1000")?, "everyday")
}

fn a_forbidden_choice_is_refused(node: &Node) -> Result<()> {
    let phrases = ["systrace-shim.io/policy.web is not allowed", "allow-annotation"];
    refused(node, "systrace-fixed", "front", &phrases)
}

fn unknown_and_broken_policies_are_refused(node: &Node) -> Result<()> {
    refused(node, "systrace", "frnt", &["there is no policy frnt", "pods/frnt.policy"])?;
    refused(node, "systrace", "../front", &["\"../front\" is no policy name"])?;
    refused(node, "systrace", "broken", &["broken.policy:2:"])
}
