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
