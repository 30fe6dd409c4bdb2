//! Rules on the mechanisms that enforce them: Landlock, the supervisor in its place, and both together.

use crate::Test;
use anyhow::{Context, Result, ensure};
use tests::Engine;
use tests::audit::Record;
use tests::container::Output;

pub fn tests() -> Vec<Test> {
    crate::tests_of![
        writing_is_landlocks,
        an_unfit_name_is_left_to_the_supervisor,
        a_recorded_denial_is_the_supervisors,
        a_permission_is_carried_out_behind_the_fence,
        ports_are_landlocks_where_no_program_can_be,
    ]
}

fn run(engine: &Engine, policy: &str, script: &str) -> Result<Output> {
    engine.container("debian").policy(policy).command(["sh", "-c", script]).run()
}

fn denial<'r>(output: &'r Output, value: &str) -> Option<&'r Record> {
    output.audit.iter().find(|record| record.arguments.values().any(|one| one == value))
}

fn notices(output: &Output) -> Vec<&str> {
    output.audit.iter().filter_map(|record| record.rest.get("notice")?.as_str()).collect()
}

/// No call on the way needs the supervisor, so nothing is counted but the start of programs.
fn writing_is_landlocks(engine: &Engine) -> Result<()> {
    let script =
        "for i in 1 2 3 4 5 6 7 8; do echo x >/tmp/$i; mkdir /tmp/d$i; done; echo y >/etc/new";
    let output = run(engine, "typical-shell", script)?;
    ensure!(output.finished.stderr.contains("Permission denied"), "{}", output.finished.summary());
    let summary = output.audit.iter().find_map(|record| record.rest.get("summary"));
    let permitted = summary.and_then(|summary| summary["permitted"].as_u64());
    let permitted = permitted.context("the audit log has a summary")?;
    ensure!(permitted <= 9, "{permitted} calls went to the supervisor");
    ensure!(notices(&output).is_empty(), "{:?}", notices(&output));
    Ok(())
}

fn an_unfit_name_is_left_to_the_supervisor(engine: &Engine) -> Result<()> {
    let script =
        "echo x >/tmp/new && mkdir -p /srv/later && echo x >/srv/later/new && echo y >/etc/new";
    let output = run(engine, "fence-unfit", script)?;
    let notice = notices(&output).join("\n");
    ensure!(notice.contains("/srv/later does not exist when the container starts"), "{notice}");
    ensure!(
        output.finished.stderr.contains("/etc/new: Operation not permitted"),
        "{}",
        output.finished.summary()
    );
    ensure!(denial(&output, "/etc/new").is_some(), "no record: {:#?}", output.audit);
    Ok(())
}

fn a_recorded_denial_is_the_supervisors(engine: &Engine) -> Result<()> {
    let output =
        run(engine, "fence-recorded", "echo x >/tmp/new && mkdir /tmp/d && echo y >/etc/new")?;
    ensure!(
        output.finished.stderr.contains("/etc/new: Operation not permitted"),
        "{}",
        output.finished.summary()
    );
    let record = denial(&output, "/etc/new").context("no record")?;
    let rule = record.rule.as_deref().unwrap_or_default();
    ensure!(rule.ends_with("fence-recorded.policy:7"), "{record:#?}");
    Ok(())
}

fn a_permission_is_carried_out_behind_the_fence(engine: &Engine) -> Result<()> {
    let output = run(
        engine,
        "fence-counted",
        "mkdir /srv/made && ls -d /srv/made && echo x >/tmp/new; rmdir /srv/made",
    )?;
    ensure!(output.finished.stdout.contains("/srv/made"), "{}", output.finished.summary());
    ensure!(output.finished.stderr.contains("Permission denied"), "{}", output.finished.summary());
    Ok(())
}

/// A container that could leave its control group gets no programs. Its rules on ports need no supervisor all the same.
fn ports_are_landlocks_where_no_program_can_be(engine: &Engine) -> Result<()> {
    let script = "import errno, os, socket\n\
        def attempt(kind, call, port):\n\
        \x20 try:\n\
        \x20   with socket.socket(socket.AF_INET, kind) as one: getattr(one, call)(('127.0.0.1', port))\n\
        \x20   return 'ok'\n\
        \x20 except OSError as error: return errno.errorcode[error.errno]\n\
        for port in 5190, 5191: print(attempt(socket.SOCK_STREAM, 'connect', port))\n\
        for port in 8080, 80, 0: print(attempt(socket.SOCK_STREAM, 'bind', port))\n\
        print(attempt(socket.SOCK_DGRAM, 'connect', 5190))\n\
        for n in range(300): attempt(socket.SOCK_STREAM, 'connect', 5190)\n\
        os.mkdir('/tmp/from'), os.mkdir('/tmp/to'), open('/tmp/from/x', 'w').close()\n\
        os.rename('/tmp/from/x', '/tmp/to/x'), print('moved')";
    let container = || engine.container("debian").options(["--cap-add=SYS_PTRACE"]).policy("ports");
    let output = container().command(["python3", "-c", script]).run()?;
    ensure!(notices(&output).is_empty(), "{:?}", notices(&output));
    let text = output.finished.success()?;
    let seen: Vec<_> = text.lines().collect();
    let expected = ["ECONNREFUSED", "EACCES", "ok", "EACCES", "EACCES", "EPERM", "moved"];
    ensure!(seen == expected, "{seen:?} instead of {expected:?}");
    let running = container().command(["sleep", "1000"]).start()?;
    let added = running
        .exec(&["--user=demo"], &["python3", "-c", &script.replace("'/tmp/", "'/dev/shm/")])?;
    let text = added.success()?;
    ensure!(text.lines().collect::<Vec<_>>() == expected, "in an added process: {text}");
    let summary = output.audit.iter().find_map(|record| record.rest.get("summary"));
    let permitted = summary.and_then(|summary| summary["permitted"].as_u64());
    let permitted = permitted.context("the audit log has a summary")?;
    ensure!(permitted < 300, "{permitted} calls went to the supervisor");
    Ok(())
}
