//! The workload attacks: it changes what a call points to while the call is judged, and tries calls and entries that
//! lead around the judge. Each attack first shows that it wins against runc.

use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use tests::{Container, Engine, place};

pub fn tests() -> Vec<Test> {
    tests_of![
        path_race,
        link_race,
        address_race,
        program_race,
        other_entries,
        ways_round,
        program_without_a_name,
        signals_by_program,
        fork_bomb
    ]
}

fn attack<'e>(engine: &'e Engine, words: &[&'static str]) -> Container<'e> {
    engine.container("debian").sees(&place::programs(), "/programs").command(words.iter().copied())
}

/// What a racer counted.
struct Score {
    opened: u64,
    wins: u64,
}

fn score(container: Container<'_>) -> Result<Score> {
    let text = container.run()?.finished.success()?;
    let number = |name: &str| {
        let mut words = text.split_whitespace().skip_while(|word| *word != name).skip(1);
        words
            .next()
            .and_then(|word| word.parse().ok())
            .with_context(|| format!("no {name} in {text:?}"))
    };
    Ok(Score { opened: number("opened")?, wins: number("wins")? })
}

/// Enough honest calls must get through that the race was really run.
fn race(engine: &Engine, words: &[&'static str], least: u64) -> Result<()> {
    let unconfined = score(attack(engine, words))?;
    ensure!(unconfined.wins > 0, "the attack does not even win against runc");
    let confined = score(attack(engine, words).policy("attacked"))?;
    ensure!(confined.wins == 0, "the attack won {} of {} times", confined.wins, confined.opened);
    ensure!(confined.opened >= least, "only {} calls were permitted", confined.opened);
    Ok(())
}

fn path_race(engine: &Engine) -> Result<()> {
    race(engine, &["/programs/path_race", "/etc/hostname", "/etc/shadow", "4"], 1000)
}

fn link_race(engine: &Engine) -> Result<()> {
    race(engine, &["/programs/link_race", "/tmp", "/etc/hostname", "/etc/shadow", "4"], 1000)
}

fn address_race(engine: &Engine) -> Result<()> {
    race(engine, &["/programs/sockaddr_race", "5190", "5191", "4"], 1000)
}

fn program_race(engine: &Engine) -> Result<()> {
    race(engine, &["/programs/exec_race", "/usr/bin/true", "/usr/bin/false", "6"], 50)
}

/// `int 0x80` and the x32 bit have other call numbers; neither may open the file.
fn other_entries(engine: &Engine) -> Result<()> {
    let words = ["/programs/entry32", "/etc/shadow"];
    let unconfined = attack(engine, &words).run()?.finished.success()?;
    ensure!(unconfined.contains("int 0x80: "), "{unconfined}");
    let confined = attack(engine, &words).policy("attacked").run()?.finished.success()?;
    ensure!(!confined.contains("opened") && confined.lines().count() == 2, "{confined}");
    Ok(())
}

/// With the capabilities for them and without the engine's profile, so that what stops these calls is the policy.
fn ways_round(engine: &Engine) -> Result<()> {
    let capabilities =
        ["SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"].map(|one| format!("--cap-add={one}"));
    let options =
        || capabilities.iter().map(String::as_str).chain(["--security-opt=seccomp=unconfined"]);
    let unconfined =
        attack(engine, &["/programs/ways_round"]).options(options()).run()?.finished.success()?;
    ensure!(!unconfined.contains("EPERM"), "without a policy: {unconfined}");
    let confined = attack(engine, &["/programs/ways_round"])
        .options(options())
        .policy("attacked")
        .run()?
        .finished
        .success()?;
    for line in confined.lines() {
        ensure!(line.ends_with(" EPERM") || line.ends_with(" ENOSYS"), "let through: {line}");
    }
    ensure!(confined.lines().count() == unconfined.lines().count(), "{confined}");
    Ok(())
}

/// A copy in memory is no system binary, whatever it was copied from.
fn program_without_a_name(engine: &Engine) -> Result<()> {
    let words = ["/programs/memory_exec", "/usr/bin/true"];
    attack(engine, &words).run()?.finished.success()?;
    let confined = attack(engine, &words).policy("inherited-execution").run()?.finished;
    ensure!(confined.status == 3, "{}", confined.summary());
    ensure!(confined.stderr.contains("execute: Operation not permitted"), "{}", confined.summary());
    Ok(())
}

/// Before its execve a child is still its parent's program.
const SIGNALS: &str = "started() { until [ \"$(readlink /proc/$!/exe)\" = $1 ]; do :; done; }; \
                       sleep 1000 & started /usr/bin/sleep; kill $! && echo sent; wait $!; echo $?; \
                       tail -f /dev/null & started /usr/bin/tail; kill $! || echo denied; \
                       kill -0 1 || echo denied; kill -9 -1 || echo denied";

fn signals_by_program(engine: &Engine) -> Result<()> {
    let output = engine.container("debian").policy("signals").shell(SIGNALS).run()?;
    let told = &output.finished.stdout;
    if output.finished.stderr.contains("`pidname` cannot be tested before Linux") {
        println!("not tried: {}", output.finished.stderr);
        return Ok(());
    }
    ensure!(told == "sent\n143\ndenied\ndenied\ndenied\n", "{}", output.finished.summary());
    Ok(())
}

/// As many processes as the engine allows, all of them supervised: another container does not notice, and this one can be removed.
fn fork_bomb(engine: &Engine) -> Result<()> {
    let bomb = engine
        .container("debian")
        .policy("supervised")
        .options(["--pids-limit=64"])
        .shell("echo ready; exec perl -e 'for (;;) { fork; open F, q(<), q(/etc/hostname) }'")
        .start()?;
    bomb.await_log("ready")?;
    let seen = engine.container("debian").policy("exec").shell("cat /home/demo/notes").run()?;
    ensure!(seen.finished.stdout.contains("the notes of demo"), "{}", seen.finished.summary());
    let removed = bomb.docker(&["rm", "--force"], &[])?;
    ensure!(removed.status == 0, "{}", removed.summary());
    Ok(())
}
