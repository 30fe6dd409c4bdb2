//! What execve(2) does beside starting a program: privileges, signals, errors, many at once.

use crate::stage::{Stage, Test};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

pub const TESTS: &[Test] = &[
    ("corners::set_user_id_programs_keep_their_privileges", set_user_id),
    ("corners::what_the_kernel_refuses", refused),
    ("corners::stopped_and_continued_during_execve", stopped),
    ("corners::killed_during_execve", killed),
    ("corners::many_at_once", many),
    ("corners::the_loader_is_judged_by_its_own_name", loader),
];

/// Every start is judged by what was read, and so is watched.
const WATCHED: &str = "Policy: /any, Emulation: native\n native-execve: filename neq \"/nowhere\" then permit[inherit]\n";

const CALLS: &[&str] = &["execve", "execveat"];

/// A copy of a program with other mode bits, removed with the value.
struct Copy(PathBuf);

impl Copy {
    fn of(program: &str, mode: u32) -> Self {
        let name = format!("corner-{}-{mode:o}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::copy(program, &path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Self(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A traced execve gains privileges only if the tracer could have given them (`ptracer_capable`, kernel/ptrace.c).
fn set_user_id() {
    let id = Copy::of("/usr/bin/id", 0o4755);
    let stage = Stage::new(WATCHED, CALLS);
    let told =
        stage.work(&["as", "1000", ",", "run", id.text(), "-u", ",", "run", "/usr/bin/id", "-u"]);
    assert_eq!(told, "ok\n0\n1000");
    let told = stage.work(&[
        "as",
        "1000",
        ",",
        "run",
        "/usr/bin/setpriv",
        "--no-new-privs",
        id.text(),
        "-u",
    ]);
    assert_eq!(told, "ok\n1000", "no_new_privs holds");
}

fn refused() {
    let busy = Copy::of("/bin/true", 0o755);
    let _writer = std::fs::File::options().write(true).open(&busy.0).unwrap();
    let stage = Stage::new(WATCHED, CALLS);
    let told =
        stage.work(&["run", busy.text(), ",", "run-long", "200000", ",", "run", "/bin/echo", "on"]);
    assert_eq!(told, "ETXTBSY\nE2BIG\non");
}

fn stopped() {
    let stage = Stage::new(WATCHED, CALLS);
    assert_eq!(stage.work(&["execs", "4", "25", "stop"]), "100 of 100");
}

fn killed() {
    let stage = Stage::new(WATCHED, CALLS);
    assert_eq!(
        stage.work(&["execs", "4", "25", "kill"]),
        "100 of 100",
        "each ends, well or killed"
    );
    assert_eq!(stage.work(&["run", "/bin/echo", "on"]), "on");
}

fn many() {
    let stage = Stage::new(WATCHED, CALLS);
    assert_eq!(stage.work(&["execs", "16", "30", "wait"]), "480 of 480");
}

/// `ld.so PROGRAM` maps a program without an execve of it: rules on execve see the loader.
fn loader() {
    let policy = "Policy: /any, Emulation: native\n native-execve: filename eq \"/bin/true\" then permit[inherit]\n";
    let stage = Stage::new(policy, CALLS);
    let loader = "/lib64/ld-linux-x86-64.so.2";
    let told = stage.work(&["run", loader, "/bin/true", ",", "run", loader, "/bin/false"]);
    assert_eq!(told, "EPERM\nEPERM");
}
