//! The life of a pod: whatever the kubelet does with it works as under runc.

use super::same_as_runc;
use crate::{Test, tests_of_node};
use anyhow::{Context, Result, ensure};
use tests::cri::api::{Number, Resources};
use tests::cri::{Node, Pod};

pub fn tests() -> Vec<Test> {
    tests_of_node![
        output_and_exit_status,
        exec_in_a_container,
        stop_and_remove,
        death_of_a_container,
        user_and_privileges,
        terminal,
        shared_processes,
        statistics_and_limits,
        network_of_the_pod,
        programs_that_are_not_there,
    ]
}

fn output_and_exit_status(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run(node, handler, &[])?;
        let container = pod.container("main", "echo out; echo err >&2; hostname; exit 7")?;
        let status = container.wait()?;
        ensure!(status == 7, "exit status {status}: {}", container.logs()?);
        let logs = container.logs()?;
        ensure!(logs.contains("out\n") && logs.contains("err\n"), "{logs}");
        Ok(format!("{status}, {}", logs.lines().count()))
    })
}

fn exec_in_a_container(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run(node, handler, &[])?;
        let container = pod.container("main", "sleep 1000")?;
        let said = container.exec(&["sh", "-c", "echo out; echo err >&2; exit 3"])?;
        ensure!(said.status == 3 && said.stdout == "out\n", "{}", said.summary());
        let missing = container.exec(&["/no/such/program"]);
        let missing =
            format!("{:#}", missing.err().map_or(String::new(), |error| error.to_string()));
        ensure!(missing.contains("no such file or directory"), "{missing}");
        let rights =
            container.exec(&["grep", "-E", "^(Cap|NoNewPrivs|Seccomp:)", "/proc/self/status"])?;
        Ok(said.summary() + &rights.summary())
    })
}

fn stop_and_remove(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run(node, handler, &[])?;
        let script = "trap 'echo ended; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
        let polite = pod.container("polite", script)?;
        polite.await_log("ready")?;
        polite.stop(10)?;
        let deaf =
            pod.container("deaf", "trap '' TERM; echo ready; while :; do sleep 0.1; done")?;
        deaf.await_log("ready")?;
        deaf.stop(1)?;
        let outcome = format!("{} {:?} {}", polite.wait()?, polite.logs()?, deaf.wait()?);
        polite.remove()?;
        deaf.remove()?;
        pod.stop()?;
        Ok(outcome)
    })
}

fn death_of_a_container(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run(node, handler, &[])?;
        // More than the limit of its memory, which the kernel answers with a kill.
        let container = pod.container(
            "main",
            "head -c 200000000 /dev/zero | tail -c 199999999 | wc -c; echo $?",
        )?;
        container.wait()?;
        let status = container.status()?;
        Ok(format!("{} {}", status.exit_code, status.reason))
    })
}

fn user_and_privileges(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run(node, handler, &[])?;
        let script = "id -u; id -g; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; echo x > /dev/stdout";
        let container = pod.create("main", script, |config| {
            if let Some(security) = config.linux.as_mut().and_then(|linux| linux.security.as_mut())
            {
                security.run_as_user = Some(Number { value: 1234 });
                security.no_new_privs = true;
            }
        })?;
        container.start()?;
        let status = container.wait()?;
        let logs = container.logs()?;
        ensure!(logs.contains("1234\n0\n") && logs.contains("NoNewPrivs:\t1"), "{logs}");
        Ok(format!("{status} {logs}"))
    })
}

fn terminal(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run(node, handler, &[])?;
        let container =
            pod.create("main", "tty; test -t 1 && echo a terminal", |config| config.tty = true)?;
        container.start()?;
        let status = container.wait()?;
        let logs = container.logs()?;
        ensure!(logs.contains("a terminal"), "{logs}");
        Ok(format!("{status} {logs}"))
    })
}

/// With the processes of the pod shared, the sandbox is the first of all of them.
fn shared_processes(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run_sharing_processes(node, handler, &[])?;
        let first = pod.container("first", "exec sleep 4321")?;
        let second =
            pod.container("second", "sleep 0.2; ps -o comm,args; kill -TERM $(pidof sleep)")?;
        second.wait()?;
        let logs = second.logs()?;
        ensure!(logs.contains("pause") && logs.contains("sleep 4321"), "{logs}");
        Ok(format!("{}", first.wait()?))
    })
}

fn statistics_and_limits(node: &Node) -> Result<()> {
    let pod = Pod::run(node, "systrace", &[])?;
    let script = "while :; do :; done & sleep 1; kill $!; sleep 1000";
    let container = pod.container("main", script)?;
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let (memory, time) = container.stats()?;
    ensure!(memory > 100_000, "{memory} bytes");
    ensure!(time > 100_000_000, "{time} ns");
    container.update(Resources { cpu_shares: 256, memory_limit_in_bytes: 32 << 20 })?;
    let limit = container.exec(&["cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes"])?;
    ensure!(limit.stdout.trim() == (32 << 20).to_string(), "{}", limit.summary());
    Ok(())
}

fn network_of_the_pod(node: &Node) -> Result<()> {
    let pod = Pod::run(node, "systrace", &[])?;
    let server = pod.container("server", "echo hello | nc -l -p 8080")?;
    let client = pod.container(
        "client",
        "until nc 127.0.0.1 8080 </dev/null; do sleep 0.1; done; ip -o addr",
    )?;
    client.wait().with_context(|| format!("server: {:?}", server.logs()))?;
    let said = client.logs()?;
    ensure!(said.contains("hello") && said.contains("10.88.77."), "{said}");
    server.wait().map(drop)
}

fn programs_that_are_not_there(node: &Node) -> Result<()> {
    same_as_runc(node, |node, handler| {
        let pod = Pod::run(node, handler, &[])?;
        let missing =
            pod.create("missing", "", |config| config.command = vec!["frog".to_owned()])?;
        let error = missing.start().err().map_or(String::new(), |error| format!("{error:#}"));
        ensure!(error.contains("executable file not found in $PATH"), "{error}");
        let status = missing.status()?;
        Ok(format!("{} {}", status.exit_code, status.reason))
    })
}
