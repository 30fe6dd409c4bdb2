//! The slides on files.

use super::{Attempt, Network, Outcome, Slide, denied, fenced, uncovered};
use Outcome::Permitted;

const READ_ALL: &str = r#"native-fsread: true then permit"#;
const WRITE_HOME: &str = r#"native-fswrite: filename match "$HOME" then permit"#;
const WRITE_TMP: &str = r#"native-fswrite: filename match "/tmp" then permit"#;

/// As root, whom file permissions do not stop: what is denied here, the policy denies. Most of it is denied by Landlock; what a
/// read-only open would create, the kernel cannot tell by itself.
pub const TYPICAL_SHELL: Slide = Slide {
    title: "Typical Shell Access",
    policy: "typical-shell",
    options: &[],
    network: Network::None,
    attempts: &[
        Attempt {
            rule: READ_ALL,
            what: "read a system file",
            command: &["cat", "/etc/os-release"],
            outcome: Permitted("bookworm"),
        },
        Attempt {
            rule: READ_ALL,
            what: "list, stat, readlink, test",
            command: &[
                "sh",
                "-c",
                "ls -l / && stat /etc/shadow && readlink /bin && test -r /etc/shadow && echo all",
            ],
            outcome: Permitted("all\n"),
        },
        Attempt {
            rule: READ_ALL,
            what: "append to one",
            command: &["sh", "-c", "echo x >>/etc/passwd"],
            outcome: fenced("/etc/passwd"),
        },
        Attempt {
            rule: READ_ALL,
            what: "create a file by opening it for reading",
            command: &["python3", "-c", "import os; os.open('/etc/new', os.O_RDONLY | os.O_CREAT)"],
            outcome: uncovered("/etc/new"),
        },
        Attempt {
            rule: WRITE_HOME,
            what: "write, make and remove in $HOME",
            command: &[
                "sh",
                "-c",
                "cd; echo mine >new && cat new && mkdir -p a/b && mkfifo a/f && truncate -s 1 new && rm -r new a && echo done",
            ],
            outcome: Permitted("mine\ndone\n"),
        },
        Attempt {
            rule: WRITE_HOME,
            what: "write beside $HOME, in /root2",
            command: &["sh", "-c", "echo x >/root2"],
            outcome: fenced("/root2"),
        },
        Attempt {
            rule: WRITE_HOME,
            what: "write to $HOME/../etc/motd",
            command: &["sh", "-c", "cd && echo x >../etc/motd"],
            outcome: fenced("/etc/motd"),
        },
        Attempt {
            rule: WRITE_HOME,
            what: "make a folder outside of $HOME",
            command: &["mkdir", "/srv/new"],
            outcome: fenced("/srv/new"),
        },
        Attempt {
            rule: WRITE_TMP,
            what: "write, make and remove in /tmp",
            command: &[
                "sh",
                "-c",
                "cd /tmp && echo mine >new && mkdir -p a/b && rmdir a/b a && cat new && unlink new",
            ],
            outcome: Permitted("mine\n"),
        },
        Attempt {
            rule: WRITE_TMP,
            what: "write through a symbolic link in /tmp",
            command: &["sh", "-c", "ln -s /etc/motd /tmp/link && echo x >/tmp/link"],
            outcome: fenced("/etc/motd"),
        },
        Attempt {
            rule: WRITE_TMP,
            what: "write to /tmpfile",
            command: &["sh", "-c", "echo x >/tmpfile"],
            outcome: fenced("/tmpfile"),
        },
        Attempt {
            rule: WRITE_TMP,
            what: "move a file out of /tmp",
            command: &["sh", "-c", "echo x >/tmp/file && mv /tmp/file /etc/file"],
            outcome: fenced("/etc/file"),
        },
        Attempt {
            rule: WRITE_TMP,
            what: "remove a system file",
            command: &["rm", "/etc/motd"],
            outcome: fenced("/etc/motd"),
        },
    ],
};

const OWN_HOME: &str = r#"native-fsread: filename match "$HOME" then permit"#;
const OTHER_HOMES: &str = r#"native-fsread: filename match "/home" then deny[eperm]"#;

/// As a user who by file permissions might read the other's notes.
pub const RESTRICTED_SHELL: Slide = Slide {
    title: "Restricted Shell Access",
    policy: "restricted-shell",
    options: &["--user=demo", "--tmpfs=/homework"],
    network: Network::None,
    attempts: &[
        Attempt {
            rule: OWN_HOME,
            what: "read the own notes",
            command: &["sh", "-c", "cat $HOME/notes && ls -l $HOME"],
            outcome: Permitted("the notes of demo"),
        },
        Attempt {
            rule: OWN_HOME,
            what: "read the other's notes",
            command: &["cat", "/home/other/notes"],
            outcome: denied("EPERM", "/home/other/notes", OTHER_HOMES),
        },
        Attempt {
            rule: OWN_HOME,
            what: "read them as ../other/notes",
            command: &["sh", "-c", "cd && cat ../other/notes"],
            outcome: denied("EPERM", "/home/other/notes", OTHER_HOMES),
        },
        Attempt {
            rule: OWN_HOME,
            what: "read them through a symbolic link",
            command: &["sh", "-c", "ln -s ../other/notes $HOME/link && cat $HOME/link"],
            outcome: denied("EPERM", "/home/other/notes", OTHER_HOMES),
        },
        Attempt {
            rule: OTHER_HOMES,
            what: "list the home folders",
            command: &["ls", "/home"],
            outcome: denied("EPERM", "/home", OTHER_HOMES),
        },
        Attempt {
            rule: OTHER_HOMES,
            what: "stat the other's notes",
            command: &["stat", "/home/other/notes"],
            outcome: denied("EPERM", "/home/other/notes", OTHER_HOMES),
        },
        Attempt {
            rule: OTHER_HOMES,
            what: "read them as /proc/self/root/home/…",
            command: &["cat", "/proc/self/root/home/other/notes"],
            outcome: denied("EPERM", "/home/other/notes", OTHER_HOMES),
        },
        Attempt {
            rule: OTHER_HOMES,
            what: "list /homework",
            command: &["sh", "-c", "ls -d /homework && ls -a /homework"],
            outcome: Permitted("/homework"),
        },
        Attempt {
            rule: READ_ALL,
            what: "read a system file",
            command: &["cat", "/etc/os-release"],
            outcome: Permitted("bookworm"),
        },
        Attempt {
            rule: READ_ALL,
            what: "read a folder that an earlier rule denies",
            command: &["sh", "-c", "cd / && ls home/other"],
            outcome: denied("EPERM", "/home/other", OTHER_HOMES),
        },
    ],
};
