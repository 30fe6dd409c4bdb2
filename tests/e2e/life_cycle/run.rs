//! `docker run` in the foreground: output, input, exit codes, refusals.

use super::{Scenario, Stage};
use anyhow::Result;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "output_streams",
        play: |stage| seen(stage, "echo out; echo err >&2"),
        shows: &["status 0\nout\nerr\n"],
    },
    Scenario { name: "exit_code", play: |stage| seen(stage, "exit 7"), shows: &["status 7\n"] },
    Scenario { name: "death_by_signal", play: death_by_signal, shows: &["status 139"] },
    Scenario { name: "input", play: input, shows: &["status 0\nfrom the user\n"] },
    Scenario { name: "much_output", play: much_output, shows: &["1048576 bytes"] },
    Scenario {
        name: "no_such_program",
        play: |stage| refused(stage, "/no/such/program"),
        shows: &["status 127", "no such file or directory"],
    },
    Scenario {
        name: "no_such_program_in_path",
        play: |stage| refused(stage, "no-such-program"),
        shows: &["status 127", "executable file not found in $PATH"],
    },
    Scenario {
        name: "not_executable",
        play: |stage| refused(stage, "/etc/passwd"),
        shows: &["status 126", "permission denied"],
    },
    Scenario {
        name: "folder_as_program",
        play: |stage| refused(stage, "/etc"),
        shows: &["status 126"],
    },
    Scenario { name: "engine_refuses", play: engine_refuses, shows: &["status 125"] },
    Scenario {
        name: "volume",
        play: volume,
        shows: &["status 0\nfrom the host\nfrom the container\n"],
    },
    Scenario {
        name: "volume_read_only",
        play: volume_read_only,
        shows: &["Read-only file system"],
    },
    Scenario { name: "tmpfs", play: tmpfs, shows: &["tmpfs on /scratch"] },
    Scenario {
        name: "read_only_root",
        play: read_only_root,
        shows: &["Read-only file system", "tmp is fine"],
    },
    Scenario {
        name: "create_then_start",
        play: create_then_start,
        shows: &["status 3\nstarted\n"],
    },
];

/// What a shell script shows.
fn seen(stage: &Stage<'_>, script: &str) -> Result<String> {
    Ok(stage.busybox().shell(script).run()?.finished.summary())
}

/// The shell is a child here: the first process of a container is immune to most signals of its own.
fn death_by_signal(stage: &Stage<'_>) -> Result<String> {
    seen(stage, "sh -c 'kill -SEGV $$'; exit $?")
}

fn input(stage: &Stage<'_>) -> Result<String> {
    Ok(stage.busybox().input("from the user\n").command(["cat"]).run()?.finished.summary())
}

fn much_output(stage: &Stage<'_>) -> Result<String> {
    let finished = stage.busybox().shell("head -c 1048576 /dev/zero | tr '\\0' x").run()?.finished;
    Ok(format!("status {}, {} bytes", finished.status, finished.stdout.len()))
}

/// The status, and which of the known reasons the message gives: the rest of it names the runtime.
fn refused(stage: &Stage<'_>, program: &str) -> Result<String> {
    const REASONS: [&str; 4] = [
        "no such file or directory",
        "executable file not found in $PATH",
        "permission denied",
        "is a directory",
    ];
    let finished = stage.busybox().command([program]).run()?.finished;
    let reasons: Vec<_> =
        REASONS.into_iter().filter(|reason| finished.stderr.contains(reason)).collect();
    Ok(format!("status {}, {reasons:?}", finished.status))
}

fn engine_refuses(stage: &Stage<'_>) -> Result<String> {
    let finished = stage
        .busybox()
        .options(["--network=container:no-such-container"])
        .command(["true"])
        .run()?
        .finished;
    Ok(format!("status {}", finished.status))
}

fn volume(stage: &Stage<'_>) -> Result<String> {
    let shared = stage.engine.home().run().join(format!("shared-{}", stage.runtime.name()));
    std::fs::create_dir_all(&shared)?;
    std::fs::write(shared.join("host"), "from the host\n")?;
    let script =
        "cat /shared/host; echo from the container > /shared/container; cat /shared/container";
    let option = format!("--volume={}:/shared", shared.display());
    let finished = stage.busybox().options([option.as_str()]).shell(script).run()?.finished;
    anyhow::ensure!(std::fs::read_to_string(shared.join("container"))? == "from the container\n");
    Ok(finished.summary())
}

fn volume_read_only(stage: &Stage<'_>) -> Result<String> {
    let container = stage.busybox().sees(&tests::place::fixtures(), "/fixtures");
    Ok(container.shell("ls /fixtures >/dev/null && touch /fixtures/new").run()?.finished.summary())
}

fn tmpfs(stage: &Stage<'_>) -> Result<String> {
    let container = stage.busybox().options(["--tmpfs=/scratch:size=1m,mode=700"]);
    Ok(container
        .shell("mount | grep scratch; touch /scratch/file; ls /scratch")
        .run()?
        .finished
        .summary())
}

fn read_only_root(stage: &Stage<'_>) -> Result<String> {
    let container = stage.busybox().options(["--read-only", "--tmpfs=/tmp"]);
    Ok(container
        .shell("touch /file; touch /tmp/file && echo tmp is fine")
        .run()?
        .finished
        .summary())
}

fn create_then_start(stage: &Stage<'_>) -> Result<String> {
    let name = format!("create-then-start-{}", stage.runtime.name());
    let runtime = format!("--runtime={}", stage.runtime.name());
    let tag = tests::engine::tag("busybox")?;
    let engine = stage.engine;
    let create = [
        "create",
        "--name",
        &name,
        &runtime,
        "--network=none",
        &tag,
        "sh",
        "-c",
        "echo started; exit 3",
    ];
    engine.docker(create)?.success()?;
    let finished = engine.docker(["start", "--attach", &name])?;
    engine.docker(["rm", &name])?.success()?;
    Ok(finished.summary())
}
