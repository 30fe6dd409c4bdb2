//! Socket programs: connections that the kernel judges by itself, on the sockets of the container's control group.

use crate::survival::{server, wait_for};
use crate::{Test, tests_of};
use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use tests::audit::Record;
use tests::{Container, Engine, place};

pub fn tests() -> Vec<Test> {
    tests_of![
        judged_as_the_policy_says,
        nobody_is_asked,
        denials_are_recorded,
        judged_in_processes_that_exec_adds,
        judged_in_children_and_at_a_terminal,
        an_address_that_changes_under_the_call,
        supervised_where_the_group_could_be_left,
        decided_by_the_supervisor_and_held_by_programs,
        an_address_that_changes_after_it_was_judged,
        names_of_files_are_performed,
        programs_with_policies_of_their_own,
        threads_have_entries_of_their_own,
        bindings_where_there_are_no_unix_sockets,
        held_by_a_supervisor_that_took_over,
    ]
}

/// Kind, address, port, and what comes of it.
const ATTEMPTS: &[([&str; 3], &str)] = &[
    (["udp", "127.0.0.1", "5190"], "ok"),
    (["tcp", "127.0.0.1", "5190"], "ECONNREFUSED"),
    (["udp", "127.0.0.1", "5191"], "ECONNREFUSED"),
    (["udp", "127.0.0.1", "5192"], "EPERM"),
    (["tcp", "127.0.0.1", "5192"], "EPERM"),
    (["udp", "127.1.2.3", "5192"], "ok"),
    (["udp", "::1", "5190"], "ok"),
    (["udp", "::1", "5192"], "EPERM"),
    (["udp", "::ffff:127.0.0.1", "5190"], "ok"),
    (["udp", "::ffff:127.0.0.1", "5191"], "ECONNREFUSED"),
    (["udp", "::ffff:127.1.0.1", "1"], "ok"),
    (["udp", "::ffff:127.0.0.1", "5192"], "EPERM"),
    (["unix", "/run/any.sock", "0"], "EPERM"),
    (["raw", "127.0.0.1", "5190"], "EAFNOSUPPORT"),
    (["netlink", "0", "0"], "EAFNOSUPPORT"),
];

fn words() -> Vec<&'static str> {
    let attempts = ATTEMPTS.iter().flat_map(|(words, _)| words.iter().copied());
    ["python3", "/fixtures/connect.py"].into_iter().chain(attempts).collect()
}

fn expected() -> Vec<&'static str> {
    ATTEMPTS.iter().map(|(_, outcome)| *outcome).collect()
}

fn container<'e>(engine: &'e Engine) -> Container<'e> {
    engine
        .container("debian")
        .options(["--sysctl=net.ipv6.conf.all.disable_ipv6=0"])
        .sees(&place::fixtures(), "/fixtures")
        .sees(&place::programs(), "/programs")
        .policy("sockets")
}

fn ensure_expected(text: &str) -> Result<()> {
    let seen: Vec<_> = text.lines().collect();
    ensure!(seen == expected(), "{seen:?} instead of {:?}", expected());
    Ok(())
}

fn judged_as_the_policy_says(engine: &Engine) -> Result<()> {
    ensure_expected(&container(engine).command(words()).run()?.finished.success()?)
}

/// How many calls the supervisor let through.
fn permitted(audit: &[Record]) -> Result<u64> {
    let summary = audit.iter().find_map(|record| record.rest.get("summary"));
    summary.and_then(|counts| counts["permitted"].as_u64()).context("no summary")
}

/// Five hundred connections, and whatever else python does.
fn many<'e>(engine: &'e Engine) -> Container<'e> {
    let script = "import socket\nfor _ in range(500):\n  with socket.socket(2, 2) as s: s.connect(('127.0.0.1', 5190))";
    container(engine).command(["python3", "-c", script])
}

fn nobody_is_asked(engine: &Engine) -> Result<()> {
    let output = many(engine).run()?;
    output.finished.success()?;
    let asked = permitted(&output.audit)?;
    ensure!(asked < 500, "the supervisor was asked {asked} times");
    Ok(())
}

fn denials_are_recorded(engine: &Engine) -> Result<()> {
    let audit = container(engine).command(words()).run()?.audit;
    let record = |address: &str| {
        let about = |record: &&Record| {
            record.call == "connect" && record.arguments.values().any(|text| text == address)
        };
        audit.iter().find(about).with_context(|| format!("no record of {address}: {audit:#?}"))
    };
    let refused = record("inet-[127.0.0.1]:5191")?;
    ensure!(refused.errno.as_deref() == Some("ECONNREFUSED"), "{refused:#?}");
    let rule = refused.rule.as_deref().unwrap_or_default();
    ensure!(rule.ends_with("sockets.policy:5"), "{refused:#?}");
    let uncovered = record("inet-[::1]:5192")?;
    ensure!(
        uncovered.errno.as_deref() == Some("EPERM") && uncovered.rule.is_none(),
        "{uncovered:#?}"
    );
    ensure!(uncovered.reason.as_deref() == Some("no rule covers the call"), "{uncovered:#?}");
    record("/run/any.sock")?;
    let count = audit.iter().filter(|record| record.call == "connect").count();
    ensure!(count == 7, "{count} records: {audit:#?}");
    Ok(())
}

fn judged_in_processes_that_exec_adds(engine: &Engine) -> Result<()> {
    let running = container(engine).command(["sleep", "1000"]).start()?;
    ensure_expected(&running.exec(&[], &words())?.success()?)?;
    ensure_expected(&running.exec(&["--user=demo"], &words())?.success()?)
}

fn judged_in_children_and_at_a_terminal(engine: &Engine) -> Result<()> {
    let running = container(engine).command(["sleep", "1000"]).start()?;
    let line = format!("{} & wait", words().join(" "));
    ensure_expected(&running.exec(&[], &["setsid", "sh", "-c", &line])?.success()?)?;
    let seen = running.exec(&["--tty"], &words())?;
    ensure_expected(&seen.stdout.replace('\r', ""))
}

fn an_address_that_changes_under_the_call(engine: &Engine) -> Result<()> {
    raced(container(engine)).map(drop)
}

/// Runs the race, which must be tried and never won.
fn raced(container: Container<'_>) -> Result<Vec<Record>> {
    let output = container.command(["/programs/sockaddr_race", "5190", "5191", "4"]).run()?;
    let text = output.finished.success()?;
    let number = |name: &str| {
        let mut words = text.split_whitespace().skip_while(|word| *word != name).skip(1);
        words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_default()
    };
    ensure!(text.contains("wins 0") && number("opened") > 1000, "{text}");
    ensure!(number("opened") < number("tries"), "the address never changed: {text}");
    Ok(output.audit)
}

/// The same outcomes, though the supervisor decides each of them.
fn decided_by_the_supervisor_and_held_by_programs(engine: &Engine) -> Result<()> {
    let output = container(engine).policy("sockets-asked").command(words()).run()?;
    ensure_expected(&output.finished.success()?)?;
    let logged = |record: &&Record| record.call == "connect" && record.decision == "permit";
    ensure!(output.audit.iter().filter(logged).count() == 2, "{:#?}", output.audit);
    Ok(())
}

/// Sometimes the address changes between the supervisor's look and the kernel's; then a record says so.
fn an_address_that_changes_after_it_was_judged(engine: &Engine) -> Result<()> {
    let audit = raced(container(engine).policy("sockets-asked"))?;
    let changed = |record: &&Record| {
        let reason = record.reason.as_deref().unwrap_or_default();
        reason == "the address was changed after it was judged"
    };
    ensure!(audit.iter().any(|record| changed(&record)), "no program ever had to object");
    Ok(())
}

/// Which file a name leads to no program can see.
fn names_of_files_are_performed(engine: &Engine) -> Result<()> {
    let script = "import socket, os\n\
        l = socket.socket(1); l.bind('/tmp/x'); l.listen(9)\n\
        os.symlink('/tmp/x', '/run/y')\n\
        for name in ('/tmp/x', '/run/y', '/run/z', '/tmp/none', '\\0hidden'):\n\
        \x20 for _ in range(3):\n\
        \x20\x20  try: socket.socket(1).connect(name); print('ok')\n\
        \x20\x20  except OSError as e: print(e.errno)";
    let output =
        container(engine).policy("sockets-asked").command(["python3", "-c", script]).run()?;
    let text = output.finished.success()?;
    let expected = ["ok", "ok", "1", "2", "1"].map(|one| [one; 3]).concat();
    ensure!(text.lines().collect::<Vec<_>>() == expected, "{text}");
    Ok(())
}

/// Whoever can reach the host's control groups could move out of the container's.
fn supervised_where_the_group_could_be_left(engine: &Engine) -> Result<()> {
    for option in ["--volume=/sys/fs/cgroup:/groups:ro", "--cap-add=SYS_PTRACE"] {
        let output = many(engine).options([option]).run()?;
        output.finished.success()?;
        let asked = permitted(&output.audit)?;
        ensure!(asked >= 500, "with {option} the supervisor was asked {asked} times only");
    }
    Ok(())
}

/// The kernel's programs cannot tell whose policy a process has.
fn programs_with_policies_of_their_own(engine: &Engine) -> Result<()> {
    let script = "import socket, os\n\
        for port in (5190, 5192):\n\
        \x20 try: socket.socket(2, 2).connect(('127.0.0.1', port)); print('ok', flush=True)\n\
        \x20 except OSError as e: print(e.errno, flush=True)\n\
        os.execv('/usr/bin/perl', ['perl', '/fixtures/connect.pl', '5190', '5192'])";
    let output =
        container(engine).policy("sockets-two").command(["python3", "-c", script]).run()?;
    let text = output.finished.success()?;
    ensure!(text.lines().collect::<Vec<_>>() == ["ok", "1", "ok", "ok"], "{text}");
    let logged = output.audit.iter().filter(|record| record.decision == "permit").count();
    ensure!(logged == 2, "{:#?}", output.audit);
    Ok(())
}

fn threads_have_entries_of_their_own(engine: &Engine) -> Result<()> {
    let script = "import socket, threading\n\
        def connect(port):\n\
        \x20 for n in range(200):\n\
        \x20\x20  with socket.socket(2, 2) as s: s.connect(('127.1.0.%d' % (n + 1), port))\n\
        \x20 print('done', flush=True)\n\
        for n in range(8): threading.Thread(target=connect, args=(9000 + n,)).start()";
    let output =
        container(engine).policy("sockets-asked").command(["python3", "-c", script]).run()?;
    let text = output.finished.success()?;
    ensure!(text.matches("done").count() == 8, "{text} {:#?}", output.audit);
    Ok(())
}

fn bindings_where_there_are_no_unix_sockets(engine: &Engine) -> Result<()> {
    let script = "import socket, errno\n\
        for kind, host, port in ((1, '127.0.0.1', 80), (2, '127.1.2.3', 80), (1, '0.0.0.0', 80), (1, '::', 0),\n\
        \x20 (2, '0.0.0.0', 0), (1, '::ffff:127.0.0.1', 80), (1, '::1', 80), (1, '::1', 81), (2, '127.0.0.1', 82)):\n\
        \x20 try:\n\
        \x20\x20  with socket.socket(10 if ':' in host else 2, kind) as s:\n\
        \x20\x20\x20   s.bind((host, port))\n\
        \x20\x20\x20   if kind == 1: s.listen()\n\
        \x20\x20  print('ok')\n\
        \x20 except OSError as e: print(errno.errorcode[e.errno])\n\
        try: socket.socket(1)\n\
        except OSError as e: print(errno.errorcode[e.errno])";
    let output =
        container(engine).policy("sockets-bind").command(["python3", "-c", script]).run()?;
    let text = output.finished.success()?;
    let expected =
        ["ok", "ok", "EPERM", "ok", "ok", "ok", "EPERM", "EADDRINUSE", "EPERM", "EAFNOSUPPORT"];
    ensure!(text.lines().collect::<Vec<_>>() == expected, "{text}");
    let denied = output.audit.iter().filter(|record| record.call == "bind").count();
    ensure!(denied == 4, "{:#?}", output.audit);
    Ok(())
}

fn held_by_a_supervisor_that_took_over(engine: &Engine) -> Result<()> {
    let running = container(engine).policy("sockets-asked").command(["sleep", "1000"]).start()?;
    // A supervisor takes a program whose start it still watches with it; once this one is through, the first is too.
    ensure_expected(&running.exec(&[], &words())?.success()?)?;
    let before = server(&running, engine)?;
    kill(before, Signal::SIGKILL)?;
    wait_for("another supervisor", || server(&running, engine).is_ok_and(|after| after != before))?;
    ensure_expected(&running.exec(&[], &words())?.success()?)?;
    let told = running.audit()?;
    let uncovered =
        |record: &&Record| record.arguments.values().any(|text| text == "inet-[::1]:5192");
    ensure!(told.iter().any(|record| uncovered(&record)), "{told:#?}");
    Ok(())
}
