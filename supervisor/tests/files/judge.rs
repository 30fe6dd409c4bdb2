//! A supervisor for one victim: serves its listener with the handlers under test and a judge given by the test.

use nix::errno::Errno;
use policy::PolicySet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use supervisor::caller::Caller;
use supervisor::container::Container;
use supervisor::files::devices::{Access, DeviceKind, Rule};
use supervisor::handlers::handler;
use supervisor::listener::{Listener, Silence};
use supervisor::notification::{Denial, Notification, Reply, Tid};
use supervisor::pool::Pool;
use supervisor::request::Request;
use supervisor::worker::Worker;
use supervisor::{Confinement, Entry, Filter};

/// Tells whether a resolved name is denied.
pub type Judge = dyn Fn(&str, &[u8]) -> Option<Errno> + Send + Sync;

/// Serves until the victim is gone.
pub fn serve(listener: OwnedFd, entry: i32, judge: &Judge) {
    let listener = Arc::new(Listener::new(listener, Tid(entry)));
    let rule = |allow, kind| Rule { allow, kind, major: None, minor: None, access: Access::ALL };
    let devices = vec![
        rule(false, None),
        Rule {
            access: Access { read: false, write: false, make: true },
            ..rule(true, Some(DeviceKind::Character))
        },
    ];
    let mut worker = worker(&listener, devices);
    loop {
        match listener.receive() {
            Ok(notification) => answer(&mut worker, &notification, judge),
            Err(Silence::Interrupted) => {}
            Err(Silence::HungUp) => return,
        }
    }
}

/// A serving thread of a container without policies: the test's judge decides.
fn worker(listener: &Arc<Listener>, devices: Vec<Rule>) -> Worker {
    let confinement = Confinement {
        id: "test".into(),
        policies: PolicySet { policies: Vec::new() },
        filter: Filter::from_bytes(&[0; 8]).unwrap(),
        audit: "/dev/null".into(),
        devices,
        entry: Entry::default(),
    };
    supervisor::host::open_folders().unwrap();
    let container = Container::enter(&confinement, listener.entry()).unwrap();
    Worker::new(&Pool::new(Arc::new(container), Arc::clone(listener))).unwrap()
}

fn answer(worker: &mut Worker, notification: &Notification, judge: &Judge) {
    let listener = Arc::clone(worker.listener());
    let caller = Caller::new(&listener, notification);
    let reply = match perform(worker, &caller, notification, judge) {
        Ok(reply) => reply,
        Err(Denial::Caller(errno)) => Reply::Error(errno),
        Err(Denial::Unsafe(reason)) => {
            eprintln!("refused: {reason}");
            Reply::Error(Errno::EPERM)
        }
        Err(Denial::Interrupted(_)) => Reply::Restart,
        Err(Denial::Gone) => return,
    };
    listener.answer(notification.id, reply);
}

fn perform(
    worker: &mut Worker,
    caller: &Caller<'_>,
    notification: &Notification,
    judge: &Judge,
) -> Result<Reply, Denial> {
    let request = Request::read(worker, caller, notification)?;
    let name = request.form.call().name;
    if let Some(errno) = request.names().find_map(|resolved| judge(name, &resolved.name)) {
        return Err(errno.into());
    }
    handler(name).unwrap()(worker, caller, &request)
}
