//! What runs is confined as under our own runtime.

use super::{Stage, ensure_denied, names, on_both, wait_until};
use crate::{Test, tests_of};
use anyhow::{Result, ensure};
use serde_json::json;
use tests::Engine;

pub fn tests() -> Vec<Test> {
    tests_of![
        the_policy_is_enforced,
        exec_is_confined_too,
        other_users_and_no_new_privileges,
        the_engines_profile_stays,
        start_up_is_not_what_a_policy_denies,
        signals_do_no_harm,
        many_containers_have_one_agent,
        the_agent_may_die,
    ]
}

const SCRIPT: &str = "cat /etc/hostname; cat /etc/shadow; /usr/bin/false; id -u";

fn ensure_attacked(stage: &Stage, seen: &tests::Finished) -> Result<()> {
    ensure!(seen.stdout.starts_with("stock\n"), "{}", seen.summary());
    ensure_denied(seen, "/etc/shadow: Permission denied")?;
    ensure_denied(seen, "/usr/bin/false: Operation not permitted")?;
    ensure!(stage.agent.log().is_empty(), "{}", stage.agent.log());
    Ok(())
}

fn the_policy_is_enforced(engine: &Engine) -> Result<()> {
    on_both(engine, "enforced", |stage| {
        let container = stage.container("one", "attacked", &["sh", "-c", SCRIPT])?;
        let seen = container.run()?;
        ensure_attacked(stage, &seen)?;
        ensure!(seen.stdout.ends_with("0\n"), "{}", seen.summary());
        wait_until("the last record", || {
            Ok(stage.agent.audit(container.id()).contains("summary"))
        })?;
        let audit = stage.agent.audit(container.id());
        ensure!(audit.contains("/etc/shadow") && audit.contains("attacked.policy:4"), "{audit}");
        wait_until("the folder's end", || Ok(stage.agent.containers()?.is_empty()))
    })
}

fn exec_is_confined_too(engine: &Engine) -> Result<()> {
    on_both(engine, "exec", |stage| {
        let container = stage.container("one", "attacked", &["sleep", "100"])?;
        container.start()?;
        ensure_attacked(stage, &container.exec(&[], &["sh", "-c", SCRIPT])?)?;
        let seen = container.exec(&["--user=1000:1000"], &["sh", "-c", SCRIPT])?;
        ensure_attacked(stage, &seen)?;
        ensure!(seen.stdout.ends_with("1000\n"), "{}", seen.summary());
        // The kernel counts the filters: the gate and ours, as in the first process.
        let count = ["grep", "Seccomp_filters", "/proc/1/status", "/proc/self/status"];
        let seen = container.exec(&[], &count)?.success()?;
        ensure!(seen.matches("\t2").count() == 2, "{seen}");
        let missing = container.exec(&[], &["no-such-program"])?;
        ensure!(
            missing.status != 0 && missing.stderr.contains("not found"),
            "{}",
            missing.summary()
        );
        let audit = stage.agent.audit(container.id());
        ensure!(audit.matches("/etc/shadow").count() >= 2, "{audit}");
        Ok(())
    })
}

/// The gate comes at another moment of the start-up for each of these.
fn other_users_and_no_new_privileges(engine: &Engine) -> Result<()> {
    on_both(engine, "users", |stage| {
        for (name, uid, no_new_privileges, capabilities) in [
            ("user", 1000, false, true),
            ("both", 1000, true, true),
            ("root", 0, true, true),
            ("bare", 0, false, false),
        ] {
            let container = stage.container(name, "attacked", &["sh", "-c", SCRIPT])?;
            container.edit(|config| {
                let process = &mut config["process"];
                process["user"] = json!({"uid": uid, "gid": uid, "additionalGids": [7]});
                process["noNewPrivileges"] = no_new_privileges.into();
                if !capabilities {
                    process["capabilities"] = json!({});
                }
            })?;
            let seen = container.run()?;
            ensure_attacked(stage, &seen)?;
            ensure!(seen.stdout.ends_with(&format!("{uid}\n")), "{name}: {}", seen.summary());
        }
        Ok(())
    })
}

/// Where both say something, the stricter counts; what the profile names by arguments stays exact.
fn the_engines_profile_stays(engine: &Engine) -> Result<()> {
    on_both(engine, "stacked", |stage| {
        let script = "mkdir /tmp/a; chmod 700 /tmp; chmod 711 /tmp && echo other; cat /etc/shadow";
        let container = stage.plain("one", &["sh", "-c", script])?;
        container.edit(|config| {
            config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30},
                {"names": ["fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30,
                 "args": [{"index": 2, "value": 0o700, "op": "SCMP_CMP_EQ"}]}]});
        })?;
        let policy = super::policies().join("attacked.policy");
        container.confine(&stage.agent.socket(), &policy)?.success()?;
        let seen = container.run()?;
        ensure!(seen.stdout == "other\n", "{}", seen.summary());
        ensure!(seen.stderr.matches("Read-only file system").count() == 2, "{}", seen.summary());
        ensure_denied(&seen, "/etc/shadow: Permission denied")
    })
}

/// A policy may deny what every runtime must do before the program starts; it is meant for the program.
fn start_up_is_not_what_a_policy_denies(engine: &Engine) -> Result<()> {
    on_both(engine, "startup", |stage| {
        let script = "cd / || echo no chdir; chroot / true || echo no chroot; echo $PPID";
        let seen = stage.shell("one", "start-up", script)?;
        ensure!(seen.stdout.starts_with("no chdir\nno chroot\n"), "{}", seen.summary());
        Ok(())
    })
}

/// Calls that are performed are not performed twice when signals come: runc 1.1 cannot ask the kernel to hold them back, our own
/// filter does.
fn signals_do_no_harm(engine: &Engine) -> Result<()> {
    on_both(engine, "signals", |stage| {
        let words = ["/programs/signal_storm", "/tmp", "2"];
        let seen = stage.container("one", "supervised", &words)?.run()?.success()?;
        ensure!(seen.contains(" failed 0"), "{seen}");
        Ok(())
    })
}

fn many_containers_have_one_agent(engine: &Engine) -> Result<()> {
    on_both(engine, "many", |stage| {
        let containers: Vec<_> = (0..6)
            .map(|number| stage.container(&number.to_string(), "attacked", &["sleep", "100"]))
            .collect::<Result<_>>()?;
        std::thread::scope(|scope| {
            let starting: Vec<_> =
                containers.iter().map(|one| scope.spawn(|| one.start())).collect();
            starting.into_iter().try_for_each(|one| one.join().expect("no panic"))
        })?;
        ensure!(stage.agent.containers()?.len() == 6, "{:?}", names(&stage.agent.containers()?));
        for container in &containers {
            ensure_attacked(stage, &container.exec(&[], &["sh", "-c", SCRIPT])?)?;
        }
        drop(containers);
        wait_until("the folders' end", || Ok(stage.agent.containers()?.is_empty()))
    })
}

/// What runs stays confined; what would start does not, until there is an agent again.
fn the_agent_may_die(engine: &Engine) -> Result<()> {
    for runtime in tests::Stock::ALL {
        let mut stage = Stage::new(engine, "killed", runtime)?;
        let container = stage.container(
            "one",
            "attacked",
            &["sh", "-c", "sleep 1; cat /etc/shadow; sleep 100"],
        )?;
        container.start()?;
        stage.agent.kill()?;
        let seen = container.exec(&[], &["echo", "runs"])?;
        ensure!(seen.status != 0 && seen.stdout.is_empty(), "{}", seen.summary());
        let other = stage.container("other", "attacked", &["echo", "runs"])?.run()?;
        ensure!(other.status != 0 && other.stdout.is_empty(), "{}", other.summary());
        wait_until("the record", || Ok(stage.agent.audit(container.id()).contains("/etc/shadow")))?;
        stage.agent = tests::Agent::again(&stage.folder)?;
        ensure!(stage.agent.containers()?.len() == 1, "it is known no more");
        ensure_attacked(&stage, &container.exec(&[], &["sh", "-c", SCRIPT])?)?;
    }
    Ok(())
}
