//! From a decision to its audit record.

use crate::audit::{self, Outcome, Record};
use crate::caller::Caller;
use crate::container::Container;
use crate::host;
use crate::notification::Notification;
use crate::request::{Argument, Request};
use nix::fcntl::readlinkat;
use policy::{Errno, Rule, registry};
use std::collections::BTreeMap;

/// Longer values are cut: a record is for people, and its size must not be the workload's choice.
const LONGEST: usize = 1024;

/// What a record says beside who called what.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'f> {
    /// The error that the caller gets; none: the call is permitted.
    pub errno: Option<Errno>,
    /// The rule that decided.
    pub rule: Option<&'f Rule>,
    /// What the rule does not tell.
    pub reason: Option<&'f str>,
}

/// Writes a record of a call that was read.
pub fn judged(container: &Container, caller: &Caller<'_>, request: &Request, finding: Finding<'_>) {
    let mut record = blank(container, caller, &request.notification, finding);
    record.arguments = arguments(request);
    container.audit.record(record);
}

/// Writes a record of a call that could not even be read.
pub fn unread(
    container: &Container,
    caller: &Caller<'_>,
    notification: &Notification,
    finding: Finding<'_>,
) {
    container.audit.record(blank(container, caller, notification, finding));
}

fn blank(
    container: &Container,
    caller: &Caller<'_>,
    notification: &Notification,
    finding: Finding<'_>,
) -> Record {
    Record {
        time: audit::now(),
        container: container.audit.container().to_owned(),
        pid: caller.tgid().map_or(caller.tid().0, |tgid| tgid.0),
        program: program(caller),
        call: call(notification),
        arguments: BTreeMap::new(),
        decision: if finding.errno.is_some() { Outcome::Deny } else { Outcome::Permit },
        errno: finding.errno.map(|errno| errno.to_string()),
        rule: finding.rule.map(|rule| rule.origin.to_string()),
        reason: finding.reason.map(str::to_owned),
    }
}

/// The program's name as its own mount namespace shows it; empty if the caller is dead by now.
fn program(caller: &Caller<'_>) -> String {
    let link = format!("{}/exe", caller.tid().0);
    let name = readlinkat(host::proc(), link.as_str()).unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn call(notification: &Notification) -> String {
    registry::call(notification.number)
        .map_or_else(|| format!("call {}", notification.number.0), |call| call.name.to_owned())
}

/// The arguments by the names that rules have for them; a name that occurs again carries its index.
fn arguments(request: &Request) -> BTreeMap<String, String> {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for (parameter, argument) in request.form.form().parameters.iter().zip(&request.arguments) {
        let text = match argument {
            Argument::Number(number) => parameter.kind.print(*number).as_bytes().to_vec(),
            other => match other.text(request.turn.get()) {
                Some(text) => text.into_owned(),
                None => continue,
            },
        };
        let again = (1..).map(|index| format!("{}[{index}]", parameter.name));
        let key = std::iter::once(parameter.name.to_owned())
            .chain(again)
            .find(|key| !shown.contains_key(key));
        shown.extend(key.map(|key| (key, printed(&text))));
    }
    shown
}

/// Bytes as JSON can hold them.
fn printed(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(LONGEST)]).into_owned()
}
