//! Plans of small policies: who decides by which rule, and what is refused.

mod landlock;
mod spec;

use converter::bpf::SeccompData;
use converter::host::{Host, LinuxVersion};
use converter::plan::{Cost, Mechanism, Plan, PlanError, Target, plan};
use converter::seccomp::{Action, assemble};
use policy::{PolicySet, Source, compile, templates};

fn set(policies: &[&[&str]]) -> PolicySet {
    let text: String = policies
        .iter()
        .enumerate()
        .map(|(at, rules)| format!("Policy: /bin/p{at}, Emulation: native\n{}\n", rules.join("\n")))
        .collect();
    let lowered = compile(&Source::new("x.policy", text.clone()), &templates::builtin);
    lowered.unwrap_or_else(|findings| panic!("{findings:?} in\n{text}")).set
}

fn host() -> Host {
    Host::of_this_release("6.1".parse().expect("a release"))
}

fn planned(policies: &[&[&str]]) -> Plan {
    plan(&set(policies), &host(), Target::Supervised).expect("a plan")
}

fn refused(rules: &[&str]) -> String {
    let errors = plan(&set(&[rules]), &host(), Target::Supervised).expect_err("refused");
    errors.iter().map(PlanError::to_string).collect::<Vec<_>>().join("\n")
}

/// What the kernel does with a call, given its first two arguments.
fn decide(plan: &Plan, call: &str, arguments: [u64; 2]) -> Action {
    let number = policy::registry::call_named(call).expect("a call").number.0;
    let [first, second] = arguments;
    plan.filter.decide(&SeccompData::native(number, [first, second, 0, 0, 0, 0]))
}

fn mechanisms(plan: &Plan) -> Vec<Mechanism> {
    plan.rules.iter().map(|rule| rule.mechanism).collect()
}

#[test]
fn whole_calls_and_numbers_are_the_kernels() {
    let plan = planned(&[&[
        "native-getppid: deny[exdev]",
        "native-socket: sockdom eq \"AF_INET\" then permit",
        "native-getuid: permit",
    ]]);
    assert_eq!(mechanisms(&plan), [Mechanism::Seccomp; 3]);
    let costs: Vec<_> = plan.rules.iter().map(|rule| rule.cost).collect();
    assert_eq!(costs, [Cost::Constant, Cost::Comparison, Cost::Constant]);
    assert_eq!(decide(&plan, "getppid", [0, 0]), Action::Errno(libc::EXDEV as u16));
    assert_eq!(decide(&plan, "socket", [2, 1]), Action::Allow);
    assert_eq!(decide(&plan, "socket", [0xffff_0000_0000_0002, 1]), Action::Allow);
    assert_eq!(decide(&plan, "socket", [10, 1]), Action::Notify);
    assert_eq!(decide(&plan, "getgid", [0, 0]), Action::Notify);
    assert!(plan.uncovered.iter().any(|call| call.name == "getgid"));
}

#[test]
fn options_of_prctl_are_the_kernels() {
    let plan = planned(&[&[
        "native-prctl: option eq \"PR_SET_NO_NEW_PRIVS\" then permit",
        "native-prctl: option sub \"PR_CAPBSET\" then permit",
    ]]);
    assert_eq!(mechanisms(&plan), [Mechanism::Seccomp; 2]);
    assert_eq!(decide(&plan, "prctl", [38, 1]), Action::Allow);
    assert_eq!(decide(&plan, "prctl", [0xdead_0000_0000_0026, 1]), Action::Allow);
    assert_eq!(decide(&plan, "prctl", [24, 0]), Action::Allow);
    assert_eq!(decide(&plan, "prctl", [15, 0]), Action::Notify);
}

#[test]
fn flags_of_clone_are_the_kernels() {
    let user = libc::CLONE_NEWUSER as u64;
    let [fork, thread] = [libc::SIGCHLD as u64, 0x3d_0f00];
    let plan = planned(&[&[
        "native-clone3: deny[enosys]",
        "native-clone: flags sub \"CLONE_NEWUSER\" then deny",
        "native-clone: permit",
        "native-unshare: flags eq \"CLONE_FS\" then permit",
    ]]);
    assert_eq!(mechanisms(&plan), [Mechanism::Seccomp; 4]);
    assert_eq!(decide(&plan, "clone", [user | fork, 0]), Action::Errno(1));
    assert_eq!(decide(&plan, "clone", [user | thread, 0]), Action::Errno(1));
    assert_eq!(decide(&plan, "clone", [fork, 0]), Action::Allow);
    assert_eq!(decide(&plan, "clone", [thread, 0]), Action::Allow);
    assert_eq!(decide(&plan, "clone3", [0, 0]), Action::Errno(libc::ENOSYS as u16));
    assert_eq!(decide(&plan, "unshare", [0x200, 0]), Action::Allow);
    assert_eq!(decide(&plan, "unshare", [0x201, 0]), Action::Notify);
}

#[test]
fn flags_that_no_filter_sees_are_supervised() {
    let plan = planned(&[&[
        "native-clone: flags sub \"CLONE_NEWUSER\" then deny",
        "native-clone: permit",
    ]]);
    assert_eq!(decide(&plan, "clone3", [0, 0]), Action::Notify);
    assert_eq!(decide(&plan, "clone", [libc::CLONE_NEWUSER as u64, 0]), Action::Errno(1));
    assert_eq!(decide(&plan, "clone", [0, 0]), Action::Allow);
}

#[test]
fn calls_that_nobody_knows_do_not_exist() {
    let plan = planned(&[&["native-read: permit"]]);
    let newest = policy::registry::calls().last().expect("calls").number.0;
    let answer = |number| plan.filter.decide(&SeccompData::native(number, [0; 6]));
    assert_eq!(answer(newest + 1), Action::Errno(libc::ENOSYS as u16));
    assert_eq!(answer(400), Action::Notify, "a hole in the table");
}

#[test]
fn our_own_start_is_not_denied_by_the_kernel() {
    let plan = planned(&[&["native-close: deny", "native-execve: deny", "native-getppid: deny"]]);
    assert_eq!(decide(&plan, "close", [0, 0]), Action::Notify);
    assert_eq!(decide(&plan, "execve", [0, 0]), Action::Notify);
    assert_eq!(decide(&plan, "getppid", [0, 0]), Action::Errno(1));
    assert!(plan.rules[0].note.contains("before the program starts"), "{}", plan.rules[0].note);
}

#[test]
fn every_start_of_a_program_is_seen() {
    let plan = planned(&[&["native-execve: permit[inherit]"]]);
    assert_eq!(decide(&plan, "execve", [0, 0]), Action::Notify);
    assert_eq!(decide(&plan, "execveat", [0, 0]), Action::Notify);
    assert_eq!(plan.rules[0].mechanism, Mechanism::Supervisor);
}

#[test]
fn what_the_kernel_cannot_do_is_the_supervisors() {
    for (rule, reason) in [
        ("native-getppid: permit log", "logged"),
        ("native-getppid: ask", "asks"),
        ("native-mkdir: permit as root", "changes ids"),
        ("native-getppid: permit, if user = root", "looks at who calls"),
        ("native-connect: sockaddr sub \"1\" then permit", "text in the program's memory"),
        ("native-setuid: uname eq \"root\" then permit", "looked up"),
        ("native-socket: sockdom sub \"AF\" then permit", "pattern"),
        ("native-prctl: option match \"PR_SET*\" then permit", "pattern"),
        ("native-socket: sockdom eq \"$HOME\" then permit", "looked up"),
    ] {
        let plan = planned(&[&[rule]]);
        assert_eq!(plan.rules[0].mechanism, Mechanism::Supervisor, "{rule}");
        assert!(plan.rules[0].note.contains(reason), "{rule}: {}", plan.rules[0].note);
        assert_eq!(plan.rules[0].cost, Cost::Notification);
    }
}

#[test]
fn rules_after_one_of_the_supervisors_are_its_too() {
    let plan = planned(&[&[
        "native-connect: sockaddr sub \"1\" then deny",
        "native-connect: permit",
        "native-connect: deny",
    ]]);
    use Mechanism::{Supervisor, Unreachable};
    assert_eq!(mechanisms(&plan), [Supervisor, Supervisor, Unreachable]);
}

#[test]
fn a_rule_that_changes_nothing_costs_nothing() {
    let plan = planned(&[&[
        "native-fsread: filename match \"/tmp\" then permit",
        "native-fsread: true then permit",
        "native-fstat: permit",
        "native-fswrite: permit",
    ]]);
    assert_eq!(mechanisms(&plan), [Mechanism::Seccomp; 4]);
    assert_eq!(decide(&plan, "newfstatat", [0, 0]), Action::Allow);
}

#[test]
fn forms_that_only_memory_tells_apart_are_the_supervisors() {
    let plan = planned(&[&["native-stat: deny[enoent]", "native-fstat: permit"]]);
    assert_eq!(decide(&plan, "stat", [0, 0]), Action::Notify, "our own start needs it");
    let plan = planned(&[&["native-fsetxattr: permit", "native-setxattr: deny"]]);
    let number = policy::registry::call_named("setxattrat").expect("a call").number.0;
    let with_flags = |flags| SeccompData::native(number, [3, 0, flags, 0, 0, 0]);
    assert_eq!(plan.filter.decide(&with_flags(0x1000)), Action::Notify);
    assert_eq!(plan.filter.decide(&with_flags(0)), Action::Errno(1));
    assert!(plan.rules[0].exact);
}

#[test]
fn text_on_a_call_that_nobody_can_carry_out_is_refused() {
    let rule = |rest: &str| format!("native-memfd_create: {rest}");
    let error = refused(&["native-getppid: permit", &rule("string match \"x\" then permit")]);
    assert!(error.starts_with("x.policy:3: memfd_create cannot"), "{error}");
    let denied = [rule("string match \"x\" then deny[enoent]"), rule("deny")];
    assert_eq!(mechanisms(&planned(&[&[&denied[0], &denied[1]]])), [Mechanism::Supervisor; 2]);
    refused(&[&rule("string match \"x\" then deny"), &rule("permit")]);
}

#[test]
fn only_what_the_supervisor_makes_is_made_as_another() {
    let rules =
        ["native-fsread: true then permit as root", "native-bind: true then permit as root"];
    assert_eq!(mechanisms(&planned(&[&rules])), [Mechanism::Supervisor; 2]);
    for call in ["execve", "setuid", "chdir", "fchmod"] {
        let error = refused(&[&format!("native-{call}: true then permit as root")]);
        let expected = "x.policy:2: ".to_owned() + call + " cannot be made `as` another user";
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn a_rule_on_what_nobody_can_tell_is_refused() {
    let rules = ["native-kill: not pidname eq \"/bin/sh\" then deny", "native-kill: permit"];
    let on = |release: &str| {
        let host = Host::of_this_release(release.parse().expect("a release"));
        plan(&set(&[&rules]), &host, Target::Supervised)
    };
    let error = on("6.12").expect_err("refused")[0].to_string();
    assert_eq!(error, "x.policy:2: `pidname` cannot be tested before Linux 6.13");
    let plan = on("6.13").expect("a plan");
    assert_eq!(decide(&plan, "kill", [1, 9]), Action::Notify);
    assert_eq!(decide(&plan, "pidfd_send_signal", [1, 9]), Action::Notify);
}

#[test]
fn aliases_deny_what_nobody_can_carry_out_and_say_so() {
    let performed = Host::PERFORMED.iter().copied().filter(|name| *name != "unlink");
    let mut host = Host::new("6.1".parse().expect("a release"), performed);
    host.without.insert(Mechanism::Landlock);
    let set = set(&[&["native-fswrite: filename match \"/tmp\" then permit"]]);
    let plan = plan(&set, &host, Target::Supervised).expect("a plan");
    assert!(!plan.rules[0].exact);
    assert!(plan.rules[0].note.contains("cannot carry them out"), "{}", plan.rules[0].note);
}

#[test]
fn where_policies_differ_the_supervisor_decides() {
    let [one, other] = [
        &["native-getppid: permit", "native-getuid: permit"][..],
        &["native-getppid: deny", "native-getuid: permit"][..],
    ];
    let plan = planned(&[one, other]);
    assert_eq!(decide(&plan, "getppid", [0, 0]), Action::Notify);
    assert_eq!(decide(&plan, "getuid", [0, 0]), Action::Allow);
    use Mechanism::{Seccomp, Supervisor};
    assert_eq!(mechanisms(&plan), [Supervisor, Seccomp, Supervisor, Seccomp]);
}

#[test]
fn an_old_kernel_is_refused() {
    let host = Host::of_this_release("5.10".parse().expect("a release"));
    let old: LinuxVersion = "5.10".parse().expect("a release");
    let errors = plan(&set(&[&["native-read: permit"]]), &host, Target::Supervised);
    assert_eq!(errors.expect_err("refused"), [PlanError::Kernel(old)]);
}

#[test]
fn best_effort_lets_through_what_a_rule_might_permit() {
    let set = set(&[&[
        "native-connect: sockaddr sub \"1\" then deny",
        "native-connect: permit",
        "native-bind: sockaddr sub \"1\" then deny",
    ]]);
    let plan = plan(&set, &host(), Target::BestEffort).expect("a plan");
    assert_eq!(decide(&plan, "connect", [0, 0]), Action::Allow);
    assert_eq!(decide(&plan, "bind", [0, 0]), Action::Errno(1));
    assert!(plan.rules.iter().any(|rule| !rule.exact));
}

#[test]
fn templates_are_small_programs() {
    for name in templates::names() {
        let set = set(&[&[&format!("Include: {name}")]]);
        let plan = plan(&set, &host(), Target::Supervised).expect("a plan");
        assert_eq!(plan.rules.len(), set.policies[0].rules().len());
        let size = assemble(&plan.filter).expect("a program").instructions().len();
        assert!(size < 200, "{name}: {size}");
    }
}

#[test]
fn docker_default_needs_no_supervisor() {
    let set = set(&[&["Include: docker-default"]]);
    let plan = plan(&set, &host(), Target::Standalone).expect("a plan");
    let inexact =
        plan.rules.iter().find(|rule| !rule.exact || rule.mechanism == Mechanism::Supervisor);
    assert_eq!(inexact, None);
}

/// The supervisor acts as its callers, so it must know when they change; where it does nothing for them, nothing is asked.
#[test]
fn changes_of_the_caller_are_told_where_the_supervisor_acts() {
    let changes = ["native-setuid: uid eq \"1000\" then permit", "native-capset: permit"];
    let deaf = planned(&[&changes]);
    assert_eq!(decide(&deaf, "setuid", [1000, 0]), Action::Allow);
    assert!(!deaf.constancy.credentials);
    let rules = [&changes[..], &["native-stat: filename match \"/etc\" then permit"]].concat();
    let told = planned(&[&rules]);
    assert_eq!(decide(&told, "setuid", [1000, 0]), Action::Notify);
    assert_eq!(decide(&told, "setuid", [1, 0]), Action::Notify);
    assert_eq!(decide(&told, "capset", [0, 0]), Action::Notify);
    assert!(told.constancy.credentials && told.constancy.root);
    assert_eq!(told.rules[1].mechanism, Mechanism::Supervisor);
    let refused =
        planned(&[&["native-setuid: deny", "native-stat: filename match \"/etc\" then permit"]]);
    assert_eq!(decide(&refused, "setuid", [1000, 0]), Action::Errno(libc::EPERM as u16));
    let roots = planned(&[&[&rules[..], &["native-chroot: permit"]].concat()]);
    assert!(roots.constancy.credentials && !roots.constancy.root);
}

/// Whatever the policy: what the supervisor relies on is what the filter does.
#[test]
fn no_filter_lets_a_change_pass_that_was_promised_to_be_told() {
    for template in ["linux-base", "docker-default"] {
        let rules = [
            format!("Include: {template}"),
            "native-fsread: filename match \"/etc\" then permit".into(),
        ];
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let plan = planned(&[&rules]);
        assert!(plan.constancy.credentials && plan.constancy.root, "{template}");
        for call in policy::registry::CREDENTIAL_CHANGES {
            for argument in [0, 1, 1000, 0x1000_0000, u64::MAX] {
                let action = decide(&plan, call, [argument, argument]);
                assert!(matches!(action, Action::Notify | Action::Errno(_)), "{call} {action:?}");
            }
        }
    }
}
