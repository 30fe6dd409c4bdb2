//! From a decision to its audit record.

use crate::audit::{self, Outcome, Record};
use crate::caller::Caller;
use crate::container::Container;
use crate::host;
use crate::notification::Notification;
use crate::request::{Argument, Request};
use crate::sockets::programs::{Cause, Denial};
use nix::fcntl::readlinkat;
use policy::sockaddr::{print_sockaddr, reached};
use policy::{Errno, Policy, Rule, registry};
use std::collections::BTreeMap;

/// Why a call that no rule covers is denied.
pub const NO_RULE: &str = "no rule covers the call";

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

/// Writes a record of a call that a program in the kernel denied. The caller did not wait for us, so its program may be
/// another one by now, or none.
pub fn denied_by_program(container: &Container, denial: &Denial) {
    container.audit.count(Outcome::Deny);
    let address = print_sockaddr(&reached(denial.call, &denial.address));
    let errno = u16::try_from(denial.errno).ok().and_then(Errno::new);
    let rules = container.policy(0).map_or(&[][..], Policy::rules);
    let (rule, reason) = match denial.cause {
        Cause::Rule(place) => (rules.get(place as usize), None),
        Cause::NoRule => (None, Some(NO_RULE)),
        Cause::NoEntry => (None, Some("the address was changed after it was judged")),
    };
    container.audit.record(Record {
        time: audit::now(),
        container: container.audit.container().to_owned(),
        pid: denial.tgid,
        program: program(denial.tgid),
        call: denial.call.to_owned(),
        arguments: BTreeMap::from([("sockaddr".to_owned(), printed(&address))]),
        decision: Outcome::Deny,
        errno: errno.map(|errno| errno.to_string()),
        rule: rule.map(|rule| rule.origin.to_string()),
        reason: reason.map(str::to_owned),
    });
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
        program: caller.fully(|| program(caller.tid().0)),
        call: call(notification),
        arguments: BTreeMap::new(),
        decision: if finding.errno.is_some() { Outcome::Deny } else { Outcome::Permit },
        errno: finding.errno.map(|errno| errno.to_string()),
        rule: finding.rule.map(|rule| rule.origin.to_string()),
        reason: finding.reason.map(str::to_owned),
    }
}

/// The program's name as its own mount namespace shows it; empty if the caller is dead by now.
fn program(tid: libc::pid_t) -> String {
    let link = format!("{tid}/exe");
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
