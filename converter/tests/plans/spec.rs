//! Edits of a container's configuration.

use super::*;
use converter::spec::{Approximation, Change, Edit};

fn dropped(plan: &Plan) -> Vec<&str> {
    fn capability(edit: &Edit) -> Option<&str> {
        match &edit.change {
            Change::DropCapability { capability, .. } => Some(capability),
            _ => None,
        }
    }
    plan.edits.iter().filter_map(capability).collect()
}

#[test]
fn unused_capabilities_are_dropped_and_no_others() {
    let plan = planned(&[&[
        "native-chroot: deny",
        "native-socket: sockdom eq \"AF_INET\" then permit",
        "native-mknod: permit",
        "native-unshare: flags sub \"CLONE_NEWUSER\" then deny",
        "native-unshare: permit",
        "native-fcntl: cmd eq \"F_GETFL\" then permit",
        "native-ioctl: permit",
        "native-setgid: permit",
    ]]);
    let dropped = dropped(&plan);
    for one in ["CAP_SYS_CHROOT", "CAP_AUDIT_WRITE", "CAP_SETUID", "CAP_SETFCAP", "CAP_LEASE"] {
        assert!(dropped.contains(&one), "{one}: {dropped:?}");
    }
    for one in ["CAP_MKNOD", "CAP_NET_RAW", "CAP_KILL", "CAP_SETGID"] {
        assert!(!dropped.contains(&one), "{one}: {dropped:?}");
    }
    assert!(plan.edits.iter().all(|edit| edit.difference.is_none()));
    let chroot = plan.edits.iter().find(|edit| edit.change.to_string().contains("CHROOT"));
    let because = &chroot.expect("it is dropped").because;
    assert_eq!(
        (because[0].call, &because[0].rules[..]),
        ("chroot", &["x.policy:2".to_owned()][..])
    );
    assert_eq!((because[1].call, because[1].rules.len()), ("setns", 0));
}

/// capset(2) and execve(2) fail for want of a capability that nobody uses.
#[test]
fn where_capabilities_are_handed_around_the_author_must_agree() {
    for rule in ["native-capset: permit", "native-execve: filename eq \"/bin/a\" then permit"] {
        assert!(planned(&[&["native-read: permit"], &[rule]]).edits.is_empty(), "{rule}");
        let mut host = host();
        host.approximate.insert(Approximation::Capabilities);
        let plan = plan(&set(&[&[rule]]), &host, Target::Supervised).expect("a plan");
        assert!(dropped(&plan).contains(&"CAP_MKNOD"), "{rule}");
        assert!(plan.edits.iter().all(|edit| edit.difference.is_some()));
    }
}

#[test]
fn nothing_is_dropped_where_calls_are_not_seen_or_it_is_switched_off() {
    for rules in [&["native-io_uring_enter: permit"][..], &["native-execve: permit[detach]"]] {
        let mut host = host();
        host.approximate.insert(Approximation::Capabilities);
        let plan = plan(&set(&[rules]), &host, Target::Supervised).expect("a plan");
        assert!(plan.edits.is_empty(), "{rules:?}");
    }
    let mut host = host();
    host.without.insert(Mechanism::Spec);
    let rules: &[&str] = &["native-read: permit"];
    assert!(plan(&set(&[rules]), &host, Target::Supervised).expect("a plan").edits.is_empty());
}

/// As texts, without the capabilities.
fn mounts(rules: &[&str]) -> Vec<String> {
    let mut host = host();
    host.approximate.insert(Approximation::Mounts);
    let plan = plan(&set(&[rules]), &host, Target::Supervised).expect("a plan");
    let mounts = plan.edits.iter().filter(|edit| edit.difference.is_some());
    mounts.map(|edit| edit.change.to_string()).collect()
}

#[test]
fn mounts_are_edited_where_the_author_agrees() {
    let rules: &[&str] = &[
        "native-fsread: filename match \"/home/x\" then deny",
        "native-fsread: true then permit",
        "native-fswrite: filename match \"/home/x\" then deny[enoent]",
        "native-fswrite: filename match \"/tmp\" or filename eq \"/dev/null\" then permit",
        "native-execve: filename eq \"/bin/ls\" then permit[inherit]",
    ];
    assert_eq!(
        mounts(rules),
        [
            "the root is read-only if these lie in mounts: /dev/null /tmp",
            "mounts are noexec but for those of /bin/ls",
            "/home/x is masked"
        ]
    );
    assert!(planned(&[rules]).edits.iter().all(|edit| edit.difference.is_none()));
}

#[test]
fn no_mount_is_edited_where_rules_do_not_tell_names() {
    let noexec = ["mounts are noexec"];
    assert_eq!(mounts(&["native-fswrite: filename match \"$HOME\" then permit"]), noexec);
    assert_eq!(mounts(&["native-fswrite: filename re \"/tmp\" then permit"]), noexec);
    assert_eq!(mounts(&["native-mkdir: permit"]), noexec);
    let root = ["the root is read-only"];
    assert_eq!(mounts(&["native-execve: true then permit[inherit]"]), root);
    // What is permitted before a denial is not hidden, nor what may be written.
    let late = [
        "native-fsread: filename eq \"/home/x/y\" then permit",
        "native-fsread: filename match \"/home/x\" then deny",
        "native-fswrite: filename match \"/home/x\" then deny",
    ];
    assert!(!mounts(&late).iter().any(|one| one.contains("masked")));
    assert!(!mounts(&late[1..2]).iter().any(|one| one.contains("masked")));
}
