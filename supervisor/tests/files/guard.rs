//! The supervisor of one victim: the real one, under a policy given as text.

use policy::Source;
use policy::registry::CREDENTIAL_CHANGES;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use supervisor::confinement::{Confinement, Entry};
use supervisor::constancy::Constancy;
use supervisor::container::{Blueprint, Container};
use supervisor::files::devices::{Access, DeviceKind, Rule};
use supervisor::filter::Filter;
use supervisor::handoff::walls::Choice;
use supervisor::holder::Journal;
use supervisor::listener::Listener;
use supervisor::notification::Tid;
use supervisor::pool::Pool;

/// Permits every file, but looks at every name.
pub const PERMIT: &str = r#"Policy: /victim, Emulation: native
	native-fsread: filename neq "/nowhere" then permit
	native-fswrite: filename neq "/nowhere" then permit
	native-fstat: permit
	native-link: filename neq "/nowhere" then permit
	native-chdir: filename neq "/nowhere" then permit
	native-chmod: filename neq "/nowhere" then permit
	native-fchmod: permit
	native-fchown: permit
	native-fgetxattr: permit
	native-flistxattr: permit
	native-fsetxattr: permit
	native-fremovexattr: permit
	native-file_getattr: permit
	native-file_setattr: permit
	native-futimens: permit
"#;

/// Serves the victim; the result ends the threads once the victim is gone.
pub fn serve(listener: OwnedFd, entry: i32, policy: &str) -> impl FnOnce() {
    supervisor::sys::signal::prepare().unwrap();
    let confinement = confinement(policy);
    let blueprint = Blueprint::enter(&confinement, &Choice::of(&confinement), Tid(entry)).unwrap();
    let journal = Journal::new().unwrap();
    let container = Container::start(Arc::new(blueprint), journal).unwrap();
    let listener = Listener::new(listener, journal.sit(Tid(entry)).unwrap());
    listener.start_workload();
    let pool = Pool::new(Arc::new(container), Arc::new(listener));
    pool.start().unwrap();
    move || {
        pool.close();
        std::fs::remove_file(&confinement.audit).unwrap();
    }
}

fn confinement(policy: &str) -> Confinement {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let audit = format!("files-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let changes = CREDENTIAL_CHANGES.iter().filter(|call| !call.starts_with("exec"));
    let changes: String = changes.map(|call| format!("\tnative-{call}: permit\n")).collect();
    // What the body of a test needs beside what it tests.
    let always = ["kill", "clone3"].map(|call| format!("native-{call}:"));
    let always = always.iter().filter(|rule| !policy.contains(*rule));
    let always: String = always.map(|rule| format!("\t{rule} permit\n")).collect();
    let source = Source::new("test.policy", format!("{policy}{changes}{always}"));
    let policies = policy::compile(&source, &|_| None).unwrap().set;
    let rule = |allow, kind, access| Rule { allow, kind, major: None, minor: None, access };
    let make = Access { read: false, write: false, make: true };
    Confinement {
        id: "victim".into(),
        policies,
        filter: Filter::from_bytes(&[0; 8]).unwrap(),
        fence: None,
        constancy: Constancy { credentials: true, root: !policy.contains("native-chroot:") },
        audit: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(audit),
        devices: vec![
            rule(false, None, Access::ALL),
            rule(true, Some(DeviceKind::Character), make),
        ],
        sockets: None,
        entry: Entry::default(),
    }
}
