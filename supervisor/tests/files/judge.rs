//! A supervisor for one victim: serves its listener with the handlers under test and a judge given by the test.

use nix::errno::Errno;
use policy::registry::{FormTest, Source, call};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use supervisor::caller::Caller;
use supervisor::files::devices::{Access, DeviceKind, Devices, Rule};
use supervisor::handlers::handler;
use supervisor::identity::Identity;
use supervisor::listener::{Listener, Silence};
use supervisor::notification::{Denial, Notification, Reply, Tid};
use supervisor::request::{Argument, OpenHow, Request};
use supervisor::resolve::resolve;
use supervisor::worker::Worker;

/// Tells whether a resolved name is denied.
pub type Judge = dyn Fn(&str, &[u8]) -> Option<Errno> + Send + Sync;

/// Serves until the victim is gone.
pub fn serve(listener: OwnedFd, entry: i32, judge: &Judge) {
    let listener = Arc::new(Listener::new(listener, Tid(entry)));
    let rule = |allow, kind| Rule { allow, kind, major: None, minor: None, access: Access::ALL };
    let devices = Devices::new(vec![
        rule(false, None),
        Rule {
            access: Access { read: false, write: false, make: true },
            ..rule(true, Some(DeviceKind::Character))
        },
    ]);
    let mut worker = Worker {
        listener: Arc::clone(&listener),
        identity: Identity::new().unwrap(),
        devices: Arc::new(devices),
    };
    loop {
        match listener.receive() {
            Ok(notification) => answer(&mut worker, &notification, judge),
            Err(Silence::Interrupted) => {}
            Err(Silence::HungUp) => return,
        }
    }
}

fn answer(worker: &mut Worker, notification: &Notification, judge: &Judge) {
    let listener = Arc::clone(&worker.listener);
    let caller = Caller::new(&listener, notification);
    let reply = match perform(worker, &caller, notification, judge) {
        Ok(reply) => reply,
        Err(Denial::Caller(errno)) => Reply::Error(errno),
        Err(Denial::Unsafe(reason)) => {
            eprintln!("refused: {reason}");
            Reply::Error(Errno::EPERM)
        }
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
    let request = read(worker, caller, notification)?;
    let name = request.form.call().name;
    if let Some(errno) = request.names().find_map(|resolved| judge(name, &resolved.name)) {
        return Err(errno.into());
    }
    handler(name).unwrap()(worker, caller, &request)
}

fn read(
    worker: &mut Worker,
    caller: &Caller<'_>,
    notification: &Notification,
) -> Result<Request, Denial> {
    let call = call(notification.number).unwrap();
    let open_how =
        if call.name == "openat2" { Some(read_how(caller, notification)?) } else { None };
    let mut error = None;
    let form = call.select(|test| {
        test.on_registers(&notification.arguments).unwrap_or_else(|| match *test {
            FormTest::OpenHow { mask, equals, .. } => {
                open_how.is_some_and(|how| how.flags & mask == equals)
            }
            FormTest::EmptyPath(argument) => {
                match caller.read_c_string(notification.arguments[usize::from(argument)]) {
                    Ok(text) => text.is_empty(),
                    Err(denial) => {
                        error = Some(denial);
                        false
                    }
                }
            }
            FormTest::Register { .. } => unreachable!(),
        })
    });
    if let Some(error) = error {
        return Err(error);
    }
    let mut arguments = Vec::new();
    for parameter in form.form().parameters {
        let Source::Path { path, .. } = parameter.source else { continue };
        let text = caller.read_c_string(notification.arguments[usize::from(path)])?;
        let source = (parameter.source, text);
        let asked = supervisor::files::asked(notification, form, open_how.as_ref(), source);
        arguments.push(Argument::Name(resolve(worker, caller, asked)?));
    }
    Ok(Request { notification: *notification, form, arguments, open_how })
}

fn read_how(caller: &Caller<'_>, notification: &Notification) -> Result<OpenHow, Denial> {
    let bytes = caller.read_memory(notification.arguments[2], 24)?;
    let word = |at: usize| u64::from_ne_bytes(bytes[at * 8..][..8].try_into().unwrap());
    Ok(OpenHow { flags: word(0), mode: word(1), resolve: word(2) })
}
