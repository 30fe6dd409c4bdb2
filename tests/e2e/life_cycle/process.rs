//! What the container's first process finds: identity, rights, surroundings, open files.

use super::{Scenario, Stage};
use anyhow::Result;

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "root", play: |stage| seen(stage, &[], "id"), shows: &["uid=0(root)"] },
    Scenario {
        name: "ordinary_user",
        play: |stage| seen(stage, &["--user=demo"], "id; echo $HOME; touch /etc/new"),
        shows: &["uid=1000(demo)", "/home/demo", "Permission denied"],
    },
    Scenario {
        name: "user_by_number",
        play: |stage| seen(stage, &["--user=1234:5678", "--group-add=42"], "id"),
        shows: &["uid=1234 gid=5678", "42"],
    },
    Scenario {
        name: "working_directory",
        play: |stage| seen(stage, &["--workdir=/usr/games"], "pwd; ls"),
        shows: &["/usr/games\ntrue\n"],
    },
    Scenario {
        name: "environment",
        // The host name is the container's identity, which is another one each time.
        play: |stage| seen(stage, &["--env=COLOUR=green", "--hostname=box"], "env | sort"),
        shows: &["COLOUR=green", "HOSTNAME=box", "PATH="],
    },
    Scenario {
        name: "rights",
        play: |stage| seen(stage, &[], RIGHTS),
        shows: &["CapEff:\t00000000a80425fb", "Seccomp:\t2", "NoNewPrivs:\t0"],
    },
    Scenario {
        name: "rights_of_an_ordinary_user",
        play: |stage| seen(stage, &["--user=demo"], RIGHTS),
        shows: &["CapEff:\t0000000000000000", "CapBnd:\t00000000a80425fb"],
    },
    Scenario {
        name: "no_rights",
        play: |stage| seen(stage, &["--cap-drop=ALL"], RIGHTS),
        shows: &["CapBnd:\t0000000000000000"],
    },
    Scenario {
        name: "one_right_more",
        play: |stage| seen(stage, &["--cap-add=NET_ADMIN"], RIGHTS),
        shows: &["CapEff:\t00000000a80435fb"],
    },
    Scenario {
        name: "no_new_privileges",
        play: |stage| seen(stage, &["--security-opt=no-new-privileges"], RIGHTS),
        shows: &["NoNewPrivs:\t1"],
    },
    Scenario {
        name: "engine_profile_unconfined",
        play: |stage| seen(stage, &["--security-opt=seccomp=unconfined"], "echo works"),
        shows: &["works"],
    },
    Scenario {
        name: "engine_profile",
        play: |stage| seen(stage, &[], "unshare --user true; echo status $?"),
        shows: &["Operation not permitted"],
    },
    Scenario {
        name: "signals",
        play: |stage| seen(stage, &[], "grep -E 'Sig(Blk|Ign)' /proc/self/status"),
        shows: &["SigBlk:\t0000000000000000"],
    },
    Scenario {
        name: "open_files",
        play: |stage| seen(stage, &[], "ls /proc/self/fd"),
        shows: &["0\n1\n2\n3\n"],
    },
    Scenario {
        name: "output_opened_again",
        // Servers that run as a user log to these names.
        play: |stage| {
            seen(stage, &["--user=demo"], "echo out >/dev/stdout; echo err >/proc/self/fd/2")
        },
        shows: &["out\nerr\n"],
    },
    Scenario {
        name: "limits_of_resources",
        play: |stage| {
            seen(stage, &["--ulimit=nofile=512:1024"], "ulimit -n; ulimit -Hn; ulimit -c; umask")
        },
        shows: &["512\n1024\n", "0022"],
    },
    Scenario {
        name: "hidden_files",
        play: |stage| {
            seen(stage, &[], "ls /sys/firmware; ls /proc/scsi; echo x >/proc/sys/kernel/hostname")
        },
        shows: &["Read-only file system"],
    },
    Scenario {
        name: "devices",
        play: |stage| seen(stage, &[], "ls /dev; cat /dev/null; head -c 1 /dev/urandom | wc -c"),
        shows: &["urandom", "\n1\n"],
    },
    Scenario {
        name: "device_of_the_host",
        // The volume makes it visible; the control group of devices keeps it closed.
        play: |stage| {
            let options = ["--volume=/dev/kmsg:/dev/log-of-the-kernel", "--cap-add=SYSLOG"];
            seen(stage, &options, "head -c 1 /dev/log-of-the-kernel")
        },
        shows: &["Operation not permitted"],
    },
    Scenario {
        name: "device",
        play: |stage| {
            seen(
                stage,
                &["--device=/dev/zero:/dev/mine"],
                "head -c 2 /dev/mine | wc -c; stat -c %F /dev/mine",
            )
        },
        shows: &["2\ncharacter special file\n"],
    },
    Scenario {
        name: "kernel_parameter",
        play: |stage| {
            seen(
                stage,
                &["--sysctl=net.ipv4.ip_default_ttl=99"],
                "cat /proc/sys/net/ipv4/ip_default_ttl",
            )
        },
        shows: &["99"],
    },
    Scenario {
        name: "init",
        play: |stage| seen(stage, &["--init"], "cat /proc/1/comm; exit 5"),
        shows: &["status 5", "docker-init"],
    },
    Scenario {
        name: "process_identity",
        play: |stage| {
            seen(stage, &[], "cut -d ' ' -f 1-2,4-8 /proc/1/stat; cat /proc/1/oom_score_adj")
        },
        shows: &["1 (sh) 0 1 1 0 -1"],
    },
    Scenario {
        name: "mounts",
        play: |stage| seen(stage, &[], "cut -d ' ' -f 2-3 /proc/mounts | sort -u"),
        shows: &["/dev/shm tmpfs", "/proc proc"],
    },
    Scenario { name: "namespaces", play: namespaces, shows: &["user"] },
];

/// What a process may do.
const RIGHTS: &str = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status";

fn seen(stage: &Stage<'_>, options: &[&str], script: &str) -> Result<String> {
    Ok(stage.debian().options(options.iter().copied()).shell(script).run()?.finished.summary())
}

/// Which namespaces the container shares with the host.
fn namespaces(stage: &Stage<'_>) -> Result<String> {
    const NAMES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
    let script = NAMES.map(|name| format!("readlink /proc/self/ns/{name}")).join(";");
    let inside = stage.debian().shell(&script).run()?.finished.success()?;
    let mut shared = Vec::new();
    for (name, inside) in NAMES.iter().zip(inside.lines()) {
        if std::fs::read_link(format!("/proc/self/ns/{name}"))?.to_str() == Some(inside) {
            shared.push(*name);
        }
    }
    Ok(format!("host's: {}", shared.join(" ")))
}
