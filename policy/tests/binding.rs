//! A policy means what it says in the container that it is bound to.

use policy::environment::{Environment, Nowhere};
use policy::registry::call_named;
use policy::{BindError, Event, Policy, Source, Subject, Value, Verdict, compile};

/// A container with merged `/usr`, a root, and a user with an unusual home.
struct Container;

impl Environment for Container {
    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        let value: &[u8] = match name {
            "HOME" => b"/home/a*n",
            "USER" => b"ann",
            _ => return None,
        };
        Some(value.to_vec())
    }
    fn user(&self, name: &str) -> Option<u32> {
        (name == "ann").then_some(1000)
    }
    fn group(&self, name: &str) -> Option<u32> {
        (name == "staff").then_some(50)
    }
    fn user_name(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
    fn resolve(&self, path: &[u8]) -> Option<Vec<u8>> {
        let rest = path.strip_prefix(b"/bin")?;
        Some([b"/usr/bin", rest].concat())
    }
}

fn unbound(rule: &str) -> Policy {
    let text = format!("Policy: /p, Emulation: native\n{rule}\n");
    compile(&Source::new("p", text), &|_| None).unwrap().set.policies.remove(0)
}

fn bound(rule: &str) -> Policy {
    unbound(rule).bind(&Container).unwrap()
}

fn permits(policy: &Policy, name: &str, uid: u32, gid: u32) -> bool {
    let form = call_named("chdir").unwrap().form_ids().next().unwrap();
    let values = [Value::Text(name.as_bytes())];
    let event = Event { form, values: &values, subject: Subject { uid, gid } };
    matches!(policy.evaluate(&event).verdict, Verdict::Permit(_))
}

#[test]
fn variables_stand_for_texts_not_patterns() {
    let policy = bound(r#"native-chdir: filename match "$HOME/*" then permit"#);
    assert!(permits(&policy, "/home/a*n/x", 0, 0));
    assert!(!permits(&policy, "/home/aXn/x", 0, 0));
    let policy = bound(r#"native-chdir: filename re "^$HOME$" then permit"#);
    assert!(permits(&policy, "/home/a*n", 0, 0) && !permits(&policy, "/home/aan", 0, 0));
}

#[test]
fn folders_are_known_by_both_names() {
    for (rule, matching) in [
        (r#"filename match "/bin""#, "/usr/bin/sh"),
        (r#"filename match "/bin""#, "/bin/sh"),
        (r#"filename match "/bin/s*""#, "/usr/bin/sh"),
        (r#"filename eq "/bin/sh""#, "/usr/bin/sh"),
        (r#"filename inpath "/bin/sh""#, "/usr"),
        (r#"filename neq "/bin/sh""#, "/bin/ls"),
    ] {
        let policy = bound(&format!("native-chdir: {rule} then permit"));
        assert!(permits(&policy, matching, 0, 0), "{rule} {matching}");
    }
    let policy = bound(r#"native-chdir: filename neq "/bin/sh" then permit"#);
    assert!(!permits(&policy, "/usr/bin/sh", 0, 0) && !permits(&policy, "/bin/sh", 0, 0));
    let policy = bound(r#"native-chdir: filename sub "/bin/sh" then permit"#);
    assert!(permits(&policy, "/usr/bin/sh", 0, 0), "sub looks inside");
}

#[test]
fn long_runs_of_names_are_known_by_both_names_too() {
    let names = (0..20).map(|n| format!("native-chdir: filename match \"/bin/{n}\" then permit\n"));
    let policy = bound(&names.collect::<String>());
    assert!(permits(&policy, "/usr/bin/7/x", 0, 0) && permits(&policy, "/bin/19", 0, 0));
    assert!(!permits(&policy, "/usr/bin/20", 0, 0));
}

#[test]
fn predicates_compare_the_numbers_of_names() {
    let user = bound("native-chdir: permit, if user = ann");
    assert!(permits(&user, "/", 1000, 0) && !permits(&user, "/", 0, 0));
    let group = bound("native-chdir: permit, if group < staff");
    assert!(permits(&group, "/", 0, 49) && !permits(&group, "/", 0, 50));
    assert!(permits(&group, "/", 0, u32::MAX), "as in the original, -1 is less");
}

#[test]
fn unresolved_predicates_never_help_the_caller() {
    assert!(!permits(&unbound("native-chdir: permit, if user != ann"), "/", 0, 0));
    let denied = unbound("native-chdir: deny, if user = ann\nnative-chdir: true then permit");
    assert!(!permits(&denied, "/", 0, 0));
}

#[test]
fn everything_without_a_meaning_is_named() {
    let text = "native-chdir: permit as nobody\nnative-chdir: permit as ann:nogroup\n\
                native-chdir: filename match \"$CWD\" then permit\n\
                native-chdir: permit, if user = eve";
    let errors = unbound(text).bind(&Container).unwrap_err();
    let errors: Vec<_> = errors.iter().map(BindError::to_string).collect();
    let expected = [
        "p:2: the container has no user `nobody`",
        "p:3: the container has no group `nogroup`",
        "p:4: `$CWD` has no value in the container",
        "p:5: the container has no user `eve`",
    ];
    assert_eq!(errors, expected);
    assert!(unbound("native-chdir: permit, if user = 0").bind(&Nowhere).is_ok());
}

#[test]
fn a_program_is_known_by_where_it_lies() {
    let text = "Policy: /bin/sh, Emulation: native\n\tnative-close: permit\n";
    let set = compile(&Source::new("p", text), &|_| None).unwrap().set;
    let policy = set.policies[0].bind(&Container).unwrap();
    assert!(policy.fits("/usr/bin/sh") && !policy.fits("/bin/sh"));
}
