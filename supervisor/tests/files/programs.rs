//! Real programs do what they do without supervision.

use crate::guard::PERMIT;
use crate::victim;
use std::process::Command;

/// Runs a script with the host's shell and tools in the victim's world; gives what it printed.
fn run(policy: Option<&str>, script: &str) -> String {
    let told = victim::run(policy, || {
        for folder in ["bin", "lib", "lib64"] {
            let _ = std::os::unix::fs::symlink(format!("host/usr/{folder}"), format!("/{folder}"));
        }
        let shell = Command::new("/host/usr/bin/dash")
            .args(["-c", script])
            .env_clear()
            .env("PATH", "/host/usr/bin")
            .current_dir("/data")
            .output()
            .unwrap();
        [shell.stdout, shell.stderr, format!("{:?}", shell.status.code()).into()].concat()
    });
    String::from_utf8(told).unwrap()
}

#[test]
fn the_shell_and_coreutils() {
    let script = r#"
        set -e
        echo one > a && cat a && echo two >> a && wc -l < a
        mkdir -p deep/er && cp -p a deep/er/ && cp -r deep copy && ls -R copy
        mv a deep/ && mv deep/a folder/ && ls folder
        ln -s folder/a link && readlink -f link && ln folder/a hard && stat -c '%n %h %F %a %s' link hard
        chmod 600 hard && touch -d @0 hard && stat -c '%a %Y' hard && ls -l --time-style=+%s hard
        find . -name a | sort && du -a copy | wc -l
        truncate -s 3 hard && od -c hard
        mkfifo pipe && (echo through > pipe &) && cat pipe
        cat /proc/self/comm && test -e /dev/fd/0 && cat < /dev/null && ls /proc/self/fd | wc -l
        rm -r copy deep link hard pipe && ls
        cat missing || echo no
    "#;
    let native = run(None, script);
    assert!(native.contains("through") && native.ends_with("Some(0)"), "{native}");
    let policy = format!("{PERMIT}\tnative-execve: true then permit[inherit]\n");
    assert_eq!(run(Some(&policy), script), native);
}
