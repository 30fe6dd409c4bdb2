//! `docker exec`: what enters a running container is confined exactly like the container.

use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use tests::{Engine, Finished, Running};

pub fn tests() -> Vec<Test> {
    tests_of![
        denied_as_in_the_container,
        permitted_as_in_the_container,
        denied_to_another_user,
        same_filters,
        programs_are_judged,
        several_at_once,
        records_name_the_container,
        at_a_terminal,
        chosen_by_the_entry_program,
    ]
}

fn sleeping(engine: &Engine) -> Result<Running<'_>> {
    engine.container("debian").policy("exec").command(["sleep", "1000"]).start()
}

fn ensure_denied(finished: &Finished, message: &str) -> Result<()> {
    ensure!(
        finished.status != 0 && finished.stderr.contains(message),
        "not denied: {}",
        finished.summary()
    );
    Ok(())
}

fn denied_as_in_the_container(engine: &Engine) -> Result<()> {
    let running = sleeping(engine)?;
    ensure_denied(&running.exec(&[], &["cat", "/home/other/notes"])?, "Permission denied")?;
    ensure_denied(&running.exec(&[], &["touch", "/etc/new"])?, "Permission denied")
}

fn permitted_as_in_the_container(engine: &Engine) -> Result<()> {
    let running = sleeping(engine)?;
    let seen = running
        .exec(&[], &["sh", "-c", "cat /home/demo/notes; echo x >/tmp/new; cat /tmp/new"])?
        .success()?;
    ensure!(seen == "the notes of demo\nx", "{seen}");
    Ok(())
}

fn denied_to_another_user(engine: &Engine) -> Result<()> {
    let finished =
        sleeping(engine)?.exec(&["--user=demo"], &["sh", "-c", "id -u; cat /home/other/notes"])?;
    ensure!(finished.stdout == "1000\n", "{}", finished.summary());
    ensure_denied(&finished, "Permission denied")
}

/// The same engine profile and the same filter of ours: the kernel counts them.
fn same_filters(engine: &Engine) -> Result<()> {
    const COUNT: [&str; 3] = ["grep", "-E", "^(Seccomp|Seccomp_filters|NoNewPrivs):"];
    let running = sleeping(engine)?;
    let of = |process: &str| running.exec(&[], &[&COUNT[..], &[process]].concat())?.success();
    let (first, entered) = (of("/proc/1/status")?, of("/proc/self/status")?);
    ensure!(first == entered && first.contains("Seccomp:\t2"), "{first}\nexec: {entered}");
    Ok(())
}

fn programs_are_judged(engine: &Engine) -> Result<()> {
    let running = sleeping(engine)?;
    ensure_denied(
        &running.exec(&[], &["sh", "-c", "/opt/tools/true"])?,
        "Operation not permitted",
    )?;
    running.exec(&[], &["sh", "-c", "/usr/games/true"])?.success()?;
    Ok(())
}

fn several_at_once(engine: &Engine) -> Result<()> {
    let running = &sleeping(engine)?;
    std::thread::scope(|scope| {
        let enter = || {
            running.exec(&[], &["sh", "-c", "cat /home/demo/notes; sleep 1; cat /home/other/notes"])
        };
        let all: Vec<_> = (0..4).map(|_| scope.spawn(enter)).collect();
        for one in all {
            let finished = one.join().ok().context("a thread of the test died")??;
            ensure!(finished.stdout == "the notes of demo\n", "{}", finished.summary());
            ensure_denied(&finished, "Permission denied")?;
        }
        Ok(())
    })
}

fn records_name_the_container(engine: &Engine) -> Result<()> {
    let running = sleeping(engine)?;
    running.exec(&[], &["mkdir", "/tmp/logged"])?.success()?;
    let audit = running.audit()?;
    let record =
        audit.iter().find(|record| record.arguments.values().any(|value| value == "/tmp/logged"));
    let record = record.with_context(|| format!("no record of the call: {audit:#?}"))?;
    ensure!(record.decision == "permit" && record.call == "mkdir", "{record:#?}");
    let text =
        |key: &str| record.rest.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    ensure!(
        text("container") == running.id() && text("program") == "/usr/bin/mkdir",
        "{record:#?}"
    );
    ensure!(record.rule.as_ref().is_some_and(|rule| rule.contains("exec.policy:")), "{record:#?}");
    Ok(())
}

fn at_a_terminal(engine: &Engine) -> Result<()> {
    let running = sleeping(engine)?;
    let mut terminal = running.exec_terminal(&["sh"])?;
    terminal.expect("# ")?;
    terminal.type_keys("cat /home/other/notes\n")?;
    terminal.expect("Permission denied")?;
    terminal.type_keys("exit 0\n")?;
    ensure!(terminal.close()? == 0);
    Ok(())
}

/// No policy is named; the entry program's file in the policy folder is found.
fn chosen_by_the_entry_program(engine: &Engine) -> Result<()> {
    let cat = |file| engine.container("debian").policy("by-program").command(["cat", file]).run();
    ensure_denied(&cat("/etc/shadow")?.finished, "Permission denied")?;
    let seen = cat("/etc/os-release")?.finished.success()?;
    ensure!(seen.contains("bookworm"), "{seen}");
    Ok(())
}
