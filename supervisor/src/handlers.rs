//! Which calls can be performed on checked arguments, and by what.

use crate::caller::Caller;
use crate::notification::{Denial, Reply};
use crate::request::Request;
use crate::worker::Worker;

/// Performs one permitted call on what was judged: the request holds the only copy of the arguments that may be used.
/// A handler never reads a judged pointer again.
pub type Handler = fn(&mut Worker, &Caller<'_>, &Request) -> Result<Reply, Denial>;

/// One row: a call's name in the registry and its handler, which tells the call's forms apart itself.
pub type Row = (&'static str, Handler);

/// Every family's rows.
const FAMILIES: &[&[Row]] = &[
    crate::sockets::HANDLERS,
    crate::files::HANDLERS,
    crate::signals::HANDLERS,
    crate::births::HANDLERS,
];

/// The calls that can be permitted by what their pointers hold. For any other call such a rule is refused when the
/// policy is converted, and denied here.
pub fn supervised_calls() -> impl Iterator<Item = &'static str> {
    let performed = FAMILIES.iter().copied().flatten().map(|(name, _)| *name);
    performed.chain(crate::exec::CALLS.iter().copied())
}

/// The handler of a call.
#[must_use]
pub fn handler(call: &str) -> Option<Handler> {
    FAMILIES.iter().copied().flatten().find(|(name, _)| *name == call).map(|(_, handler)| *handler)
}

/// The calls that change their caller, so that it makes them itself.
const OF_THE_CALLER: &[&str] = &["chdir", "chroot", "execve", "execveat"];

/// Whether a call can be made with other ids than the caller's (`as user`).
#[must_use]
pub fn can_be_made_as_another(call: &str) -> bool {
    handler(call).is_some() && !OF_THE_CALLER.contains(&call)
}
