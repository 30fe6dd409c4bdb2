//! Rules on what may be written, by Landlock.

use super::*;
use converter::landlock::Rights;

/// The plan of these rules for the newest kernel, and whether Landlock judges mkdir.
fn fenced(rules: &[&str]) -> (Plan, bool) {
    let host = Host::of_this_release("6.18".parse().expect("a release"));
    let plan = plan(&set(&[rules]), &host, Target::Supervised).expect("a plan");
    let landlock = |rule: &converter::plan::RulePlan| {
        let parts = rule.parts.iter().filter(|part| part.mechanism == Mechanism::Landlock);
        parts.flat_map(|part| &part.calls).any(|call| *call == "mkdir")
    };
    let carried = plan.rules.iter().any(landlock);
    assert_eq!(carried, decide(&plan, "mkdir", [0, 0]) == Action::Allow);
    (plan, carried)
}

const TMP: &str = "native-fswrite: filename match \"/tmp\" then permit";

#[test]
fn folders_that_may_be_written_are_landlocks() {
    let (plan, carried) = fenced(&[TMP, "native-fsread: true then permit"]);
    assert!(carried);
    let ruleset = plan.carried.landlock.as_ref().expect("a ruleset");
    assert!(ruleset.handled.contain(ruleset.granted));
    assert_eq!(ruleset.rules.len(), 1);
    // Landlock sees neither modes nor the flags of a read-only open.
    assert_eq!(decide(&plan, "chmod", [0, 0]), Action::Notify);
    let open = |flags: i32| decide(&plan, "open", [0, flags as u64]);
    assert_eq!(open(libc::O_RDONLY), Action::Allow);
    assert_eq!(open(libc::O_WRONLY | libc::O_CREAT), Action::Allow);
    assert_eq!(open(libc::O_RDONLY | libc::O_CREAT), Action::Notify);
    assert_eq!(open(libc::O_ACCMODE), Action::Notify);
}

#[test]
fn what_landlock_cannot_say_stays_with_the_supervisor() {
    for rules in [
        &["native-fswrite: filename match \"/tmp/x\" then deny", TMP][..],
        &["native-fswrite: filename match \"/tmp/*\" then permit"],
        &["native-fswrite: filename sub \"tmp\" then permit"],
        &["native-fswrite: filename match \"/tmp\" then permit log"],
        &["native-fswrite: filename match \"/tmp\" then ask"],
        &["native-fswrite: filename match \"/tmp\" then permit, if user = root"],
        &[TMP, "native-fswrite: true then deny log"],
        &[TMP, "native-fswrite: true then deny[enoent]"],
        &[TMP, "native-mkdir: filename match \"/tmp\" then permit"],
        &[TMP, "native-mount: permit"],
        &[TMP, "native-chroot: permit"],
        &[TMP, "native-rename: permit"],
        &[TMP, "native-execve: true then permit[detach]"],
    ] {
        assert!(!fenced(rules).1, "{rules:?}");
    }
    for rules in [
        &[TMP, "native-fswrite: true then deny[eacces]"][..],
        &[TMP, "native-fswrite: true then deny"],
    ] {
        assert!(fenced(rules).1, "{rules:?}");
    }
}

#[test]
fn what_is_let_through_is_not_fenced_in() {
    let (plan, _) = fenced(&[TMP, "native-unlink: permit", "native-bind: permit"]);
    let handled = plan.carried.landlock.as_ref().expect("a ruleset").handled;
    assert!(!handled.contain(Rights::REMOVE_FILE) && !handled.contain(Rights::MAKE_SOCK));
    assert_eq!(decide(&plan, "rename", [0, 0]), Action::Notify, "it may take a name away");
    assert_eq!(decide(&plan, "link", [0, 0]), Action::Notify, "of a socket, unseen");
}

#[test]
fn programs_that_differ_are_not_fenced_in_alike() {
    let host = Host::of_this_release("6.18".parse().expect("a release"));
    let other = "native-fswrite: filename match \"/srv\" then permit";
    let differing = plan(&set(&[&[TMP], &[other]]), &host, Target::Supervised).expect("a plan");
    assert_eq!(decide(&differing, "mkdir", [0, 0]), Action::Notify);
    let ruleset = differing.carried.landlock.as_ref().expect("a wall behind the supervisor");
    assert!(ruleset.rules.is_empty() && ruleset.granted == Rights::NONE);
    let alike = plan(&set(&[&[TMP], &[TMP]]), &host, Target::Supervised).expect("a plan");
    assert_eq!(decide(&alike, "mkdir", [0, 0]), Action::Allow);
}

#[test]
fn an_older_landlock_carries_less() {
    let carried = |abi: &str, call: &str| {
        let host: Host = format!("linux=6.18,landlock={abi}").parse().expect("a host");
        let rules: &[&str] = &[TMP, "native-fsread: true then permit"];
        let plan = plan(&set(&[rules]), &host, Target::Supervised).expect("a plan");
        decide(&plan, call, [0, 0]) == Action::Allow
    };
    for (call, since) in [("mkdir", 1), ("rename", 2), ("truncate", 3)] {
        for abi in 1..=7 {
            assert_eq!(carried(&abi.to_string(), call), abi >= since, "{call} {abi}");
        }
        assert!(!carried("no", call));
    }
}
