//! Which programs may start, and that nothing else does.

use crate::stage::{Stage, Test};
use std::os::unix::fs::PermissionsExt;

pub const TESTS: &[Test] = &[
    ("exec::only_permitted_programs_start", permitted),
    ("exec::arguments_are_judged_too", arguments),
    ("exec::a_program_without_a_policy_is_named", no_policy),
    ("exec::a_program_gets_its_own_policy_and_its_children_too", own_policy),
    ("exec::a_fork_has_its_parents_policy", fork),
    ("exec::scripts_are_judged_by_their_own_name", script),
    ("exec::by_descriptor", by_descriptor),
    ("exec::by_a_thread_that_does_not_lead", by_a_thread),
    ("exec::errors_are_the_kernels", errors),
    ("exec::a_raced_name_never_starts_another_program", race),
    ("exec::a_raced_descriptor_never_starts_another_program", race_for_a_descriptor),
    ("exec::a_raced_argument_never_reaches_a_program", race_for_an_argument),
];

const CALLS: &[&str] = &["execve", "execveat"];

const TRUE_AND_ECHO: &str = r#"Policy: /any, Emulation: native
 native-execve: filename eq "/bin/true" then permit[inherit]
 native-execve: filename eq "/bin/echo" then permit[inherit]
"#;

fn permitted() {
    let stage = Stage::new(TRUE_AND_ECHO, CALLS);
    let told = stage.work(&["run", "/bin/echo", "hello", ",", "run", "/bin/false"]);
    assert_eq!(told, "hello\nEPERM");
    let audit = stage.audit();
    assert_eq!(audit[0]["call"], "execve");
    assert_eq!(audit[0]["arguments"]["filename"], "/usr/bin/false");
    assert_eq!(audit[0]["decision"], "deny");
    assert_eq!(audit.len(), 2);
}

fn arguments() {
    let policy = r#"Policy: /any, Emulation: native
 native-execve: argv eq "/bin/echo yes" then permit[inherit]
"#;
    let stage = Stage::new(policy, CALLS);
    let told = stage.work(&["run", "/bin/echo", "yes", ",", "run", "/bin/echo", "no"]);
    assert_eq!(told, "yes\nEPERM");
}

fn no_policy() {
    let policy = "Policy: /any, Emulation: native\n native-execve: permit\n";
    let stage = Stage::new(policy, CALLS);
    assert_eq!(stage.work(&["run", "/bin/true"]), "EPERM");
    let audit = stage.audit();
    assert_eq!(audit[0]["reason"], "no policy for /usr/bin/true: write permit[inherit] or add one");
}

fn own_policy() {
    let text = r#"Policy: /any, Emulation: native
 native-execve: permit
 native-getppid: permit
Policy: */dash, Emulation: native
 native-getuid: permit
"#;
    let stage = Stage::new(text, &["execve", "getppid", "getuid"]);
    let told = stage.work(&["getppid", ",", "run", "/bin/dash", "-c", "(echo $PPID)"]);
    assert_eq!(told, "ok\n-1", "the shell may not ask for its parent, the first program may");
    let audit = stage.audit();
    let denied: Vec<_> = audit.iter().filter(|line| line["decision"] == "deny").collect();
    assert!(denied.iter().all(|line| line["program"] == "/usr/bin/dash"), "{denied:?}");
    assert!(denied.iter().any(|line| line["call"] == "getppid"), "{denied:?}");
}

/// Nobody tells the supervisor of the subshell.
fn fork() {
    let text = r#"Policy: /any, Emulation: native
 native-execve: permit
Policy: */dash, Emulation: native
 native-chdir: permit
"#;
    let stage = Stage::new(text, &["execve", "chdir"]);
    let told =
        stage.work(&["run", "/bin/dash", "-c", "(cd /tmp && pwd); cd /var && pwd", ",", "chdir"]);
    assert_eq!(told, "/tmp\n/var\nEPERM");
}

fn script() {
    let folder = std::env::temp_dir().join(format!("scripts-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let make = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = make("good", "#!/bin/sh -e\necho \"$0 $*\"\n");
    let bad = make("bad", "#!/bin/sh -e\necho bad\n");
    let nested = make("nested", &format!("#!{good} x\n"));
    let policy = format!(
        "Policy: /any, Emulation: native\n native-execve: filename match \"{}/[gn]*\" then permit[inherit]\n",
        folder.display()
    );
    let stage = Stage::new(&policy, CALLS);
    let told = stage.work(&["run", &good, "a", ",", "run", &bad, ",", "run", &nested, "b"]);
    assert_eq!(told, format!("{good} a\nEPERM\n{good} x {nested} b"));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn by_descriptor() {
    let stage = Stage::new(TRUE_AND_ECHO, CALLS);
    assert_eq!(stage.work(&["execveat", "/bin/echo", "echo", "by descriptor"]), "by descriptor");
    assert_eq!(stage.work(&["execveat", "/bin/false", "false"]), "EPERM");
}

fn by_a_thread() {
    let stage = Stage::new(TRUE_AND_ECHO, CALLS);
    let told = stage.work(&["in-thread", "execveat", "/bin/echo", "echo", "by a thread"]);
    assert_eq!(told, "by a thread");
}

fn errors() {
    let policy = "Policy: /any, Emulation: native\n native-execve: true then permit[inherit]\n\
                  native-execve: filename eq \"/x\" then permit\n";
    let stage = Stage::new(&policy.replace("true", "not filename eq \"/x\""), CALLS);
    let told = stage.work(&["run", "/no/such/file", ",", "run", "/etc", ",", "run", "/etc/passwd"]);
    assert_eq!(told, "ENOENT\nEACCES\nEACCES");
    assert_eq!(stage.audit().len(), 1, "the caller's own errors are no denials");
}

fn race() {
    let folder = std::env::temp_dir().join(format!("race-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let [good, bad] = [("good", "true"), ("evil", "false")].map(|(name, program)| {
        let path = folder.join(name);
        std::fs::copy(format!("/bin/{program}"), &path).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let policy = format!(
        "Policy: /any, Emulation: native\n native-execve: filename eq \"{good}\" then permit[inherit]\n"
    );
    let stage = Stage::new(&policy, CALLS);
    assert_race_was_lost(&stage.work(&["race-exec", &good, &bad, "300"]));
    drop(stage);
    std::fs::remove_dir_all(&folder).unwrap();
}

fn race_for_a_descriptor() {
    let stage = Stage::new(TRUE_AND_ECHO, CALLS);
    assert_race_was_lost(&stage.work(&["race-descriptor", "/bin/true", "/bin/false", "300"]));
}

fn race_for_an_argument() {
    let policy = r#"Policy: /any, Emulation: native
 native-execve: argv eq "/bin/test good = good" then permit[inherit]
"#;
    let stage = Stage::new(policy, CALLS);
    assert_race_was_lost(&stage.work(&["race-argument", "good", "evil", "300"]));
}

fn assert_race_was_lost(told: &str) {
    let numbers: Vec<u32> = told.split(' ').map(|word| word.parse().unwrap()).collect();
    let [ran, evil, other] = numbers[..] else { panic!("{told}") };
    assert_eq!(evil, 0, "something ran that no rule permits: {told}");
    assert!(ran > 0 && other > 0, "there was no race: {told}");
}
