//! The built-in templates hold what they promise.

use policy::ast::PermitFlag;
use policy::registry::{FormId, Kind, call_named, calls};
use policy::{Event, Policy, Source, Subject, Value, Verdict, compile, templates};

/// The templates under which a program runs.
const PROGRAMS: [&str; 2] = ["linux-base", "docker-default"];

/// A policy of nothing but one include.
fn including(name: &str) -> Policy {
    let text = format!("Policy: /p, Emulation: native\nInclude: {name}\n");
    let lowered = compile(&Source::new("p", text), &templates::builtin).unwrap();
    assert_eq!(lowered.warnings, []);
    lowered.set.policies.into_iter().next().unwrap()
}

/// The verdict on a form whose file names are all `name` and whose numbers are all `number`.
fn verdict(policy: &Policy, form: FormId, name: &str, number: u64) -> Verdict {
    let parameters = form.form().parameters.iter();
    let value = |kind: Kind| match kind.is_number() {
        true => Value::Number(number),
        false => Value::Text(name.as_bytes()),
    };
    let values: Vec<_> = parameters.map(|parameter| value(parameter.kind)).collect();
    policy.evaluate(&Event { form, values: &values, subject: Subject::default() }).verdict
}

fn permits(policy: &Policy, call: &str, name: &str) -> Vec<bool> {
    let forms = call_named(call).unwrap().form_ids();
    let permitted = |form| matches!(verdict(policy, form, name, 0), Verdict::Permit(_));
    forms.map(permitted).collect()
}

#[test]
fn templates_have_no_findings() {
    for name in templates::names() {
        let source = templates::builtin(name).unwrap();
        let parsed = policy::parse_template(&source).unwrap();
        assert_eq!(parsed.warnings, []);
        assert_eq!(parsed.tree.name.value, name);
        // The warnings of a template are not those of the policy that includes it, so its rules are
        // checked as a policy's.
        let text = String::from_utf8(source.text().to_vec()).unwrap();
        let header = text.lines().find(|line| line.starts_with("Template:")).unwrap();
        let text = text.replace(header, "Policy: /p, Emulation: linux64");
        let lowered = compile(&Source::new(name, text), &|_| None).unwrap();
        assert_eq!(lowered.warnings, []);
    }
}

#[test]
fn no_template_opens_a_way_around_supervision() {
    let around = "io_uring_setup io_uring_enter io_uring_register open_by_handle_at mount umount2 \
        open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr \
        pivot_root setns unshare ptrace process_vm_readv process_vm_writev pidfd_getfd \
        process_madvise process_mrelease kcmp userfaultfd bpf perf_event_open \
        fanotify_init kexec_load kexec_file_load init_module finit_module delete_module \
        keyctl add_key request_key modify_ldt iopl ioperm clone3 chroot memfd_secret \
        reboot swapon acct";
    for name in templates::names() {
        let policy = including(name);
        for call in around.split_whitespace() {
            let permitted = permits(&policy, call, "/x");
            assert!(!permitted.contains(&true), "{name} {call}");
        }
        let threads = PROGRAMS.contains(&name);
        assert_eq!(permits(&policy, "clone", ""), [threads, name == "docker-default", false]);
    }
}

#[test]
fn clone3_looks_like_an_old_kernel() {
    for name in PROGRAMS {
        let form = call_named("clone3").unwrap().form_ids().next().unwrap();
        let verdict = verdict(&including(name), form, "", 0);
        assert!(matches!(verdict, Verdict::Deny(errno) if errno.name() == Some("ENOSYS")));
    }
}

#[test]
fn linux_base_starts_programs_and_no_more() {
    let policy = including("linux-base");
    for call in calls() {
        let other = !permits(&policy, call.name, "/home/ann/x").contains(&true);
        let named = "execve execveat fork vfork socket connect bind kill chmod rename setuid mkdir";
        assert!(other || !named.split(' ').any(|name| name == call.name), "{}", call.name);
    }
    assert!(permits(&policy, "openat", "/usr/lib/x86_64-linux-gnu/libc.so.6")[1]);
    assert!(!permits(&policy, "openat", "/etc/shadow").contains(&true));
    assert!(!permits(&policy, "openat", "/usr/lib/x")[3], "for writing");
    assert!(permits(&policy, "openat", "/dev/null")[3]);
}

#[test]
fn docker_default_passes_what_programs_use() {
    let policy = including("docker-default");
    let used = "openat newfstatat statx unlinkat renameat2 fchmodat utimensat execve socketpair \
        connect bind kill setuid wait4 mmap futex epoll_wait getdents64 getxattr mknodat \
        statfs memfd_create seccomp";
    for call in used.split_whitespace() {
        assert!(!permits(&policy, call, "/x").contains(&false), "{call}");
    }
    let form = |name| call_named(name).unwrap().form_ids().last().unwrap();
    let inherit = Verdict::Permit(PermitFlag::Inherit);
    assert_eq!(verdict(&policy, form("execve"), "/bin/sh", 0), inherit);
    let socket = |domain| verdict(&policy, form("socket"), "", domain);
    assert!(matches!(socket(2), Verdict::Permit(_)) && matches!(socket(40), Verdict::Deny(_)));
    let personality = |persona| verdict(&policy, form("personality"), "", persona);
    assert!(matches!(personality(8), Verdict::Permit(_)));
    assert_eq!(personality(0x4_0000), Verdict::Uncovered);
}

#[test]
fn internet_sockets_are_those_of_the_internet() {
    let policy = including("internet-sockets");
    let form = |call| call_named(call).unwrap().form_ids().next().unwrap();
    let permitted = |call, numbers: [u64; 3]| {
        let values = numbers.map(Value::Number);
        let event = Event { form: form(call), values: &values, subject: Subject::default() };
        matches!(policy.evaluate(&event).verdict, Verdict::Permit(_))
    };
    let cloexec = 0o2_000_000;
    for made in [[1, 1, 0], [2, 1, 0], [2, 1 | cloexec, 6], [10, 1, 262], [2, 2, 17], [10, 2, 58]] {
        assert!(permitted("socket", made), "{made:?}");
    }
    for other in
        [[2, 3, 1], [2, 1, 132], [2, 2, 136], [16, 3, 0], [17, 3, 0], [40, 1, 0], [2, 10, 0]]
    {
        assert!(!permitted("socket", other), "{other:?}");
    }
    assert!(permitted("socketpair", [1, 1, 0]) && !permitted("socketpair", [30, 1, 0]));
}
