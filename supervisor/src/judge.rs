//! From a call to a judgement: what governs the caller is asked, and the answer goes into the book.

use crate::audit::Outcome;
use crate::caller::Caller;
use crate::container::Container;
use crate::evidence::{ContinueReason, NumbersOnly};
use crate::handlers;
use crate::notification::{Denial, Reply};
use crate::processes::Standing;
use crate::record::{self, Finding};
use crate::request::Request;
use crate::worker::Worker;
use nix::errno::Errno;
use policy::ast::PermitFlag;
use policy::{Decision, Event, Verdict};

/// What becomes of a call.
#[derive(Debug)]
#[must_use]
pub enum Judgement {
    /// It fails.
    Denied(Errno),
    /// It is performed.
    Permitted(Permission),
}

/// The permission for one call.
#[derive(Debug)]
pub struct Permission {
    /// What the rules say about a new program; none if the policies in question disagree.
    pub flag: Option<PermitFlag>,
    /// What governs the caller.
    pub standings: Vec<Standing>,
    /// Something behind a pointer took part in the decision.
    pub judged_memory: bool,
}

/// Asks every policy that governs the caller, and keeps the book.
///
/// # Errors
/// A refusal if it is not known what governs the caller.
pub fn judge(
    container: &Container,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Judgement, Denial> {
    let standings = container.standings(caller)?;
    let subject = container.subject(caller)?;
    let texts: Vec<_> = request.arguments.iter().map(|argument| argument.text()).collect();
    let values: Vec<_> = request
        .arguments
        .iter()
        .zip(&texts)
        .map(|(argument, text)| argument.value(text.as_deref()))
        .collect();
    let event = Event { form: request.form, values: &values, subject };
    let mut flags = Vec::with_capacity(1);
    let mut judged_memory = false;
    for standing in &standings {
        let Standing::Policy(at) = *standing else {
            flags.push(PermitFlag::Detach);
            continue;
        };
        let policy = container
            .policy(at)
            .ok_or_else(|| Denial::because("the policy that governs the process does not exist"))?;
        let decision = policy.evaluate(&event);
        judged_memory |= decision.judged_memory;
        match verdict(&decision)? {
            Ok(flag) => flags.push(flag),
            Err(errno) => return Ok(deny(container, caller, request, &decision, errno)),
        }
        if let Some(rule) = decision.rule.filter(|rule| rule.log) {
            let finding = Finding { errno: None, rule: Some(rule), reason: None };
            record::judged(container, caller, request, finding);
        }
    }
    container.audit.count(Outcome::Permit);
    let flag = flags.first().copied().filter(|first| flags.iter().all(|flag| flag == first));
    Ok(Judgement::Permitted(Permission { flag, standings, judged_memory }))
}

/// A rule's answer: permitted with a flag, or denied with an error.
fn verdict(decision: &Decision<'_>) -> Result<Result<PermitFlag, Errno>, Denial> {
    if decision.rule.is_some_and(|rule| rule.identity.is_some()) {
        return Err(Denial::because("no call can be made `as` another user yet"));
    }
    Ok(match decision.verdict {
        Verdict::Permit(flag) => Ok(flag),
        Verdict::Deny(errno) => Err(Errno::from_raw(errno.number().into())),
        Verdict::Ask | Verdict::Uncovered => Err(Errno::EPERM),
    })
}

fn deny(
    container: &Container,
    caller: &Caller<'_>,
    request: &Request,
    decision: &Decision<'_>,
    errno: Errno,
) -> Judgement {
    let reason = match decision.verdict {
        Verdict::Ask => Some("the rule asks, and nobody can be asked"),
        Verdict::Uncovered => Some("no rule covers the call"),
        Verdict::Permit(_) | Verdict::Deny(_) => None,
    };
    container.audit.count(Outcome::Deny);
    let finding = Finding { errno: Some(errno), rule: decision.rule, reason };
    record::judged(container, caller, request, finding);
    Judgement::Denied(errno)
}

impl Permission {
    /// Lets the kernel perform a call of which only numbers were judged, and performs any other on what was judged.
    ///
    /// # Errors
    /// A refusal if no handler can.
    pub fn perform(
        self,
        worker: &mut Worker,
        caller: &Caller<'_>,
        request: &Request,
    ) -> Result<Reply, Denial> {
        if let Some(proof) = NumbersOnly::of(self.judged_memory) {
            return Ok(Reply::Continue(ContinueReason::NothingInMemoryJudged(proof)));
        }
        let handler = handlers::handler(request.form.call().name)
            .ok_or_else(|| Denial::because("the call cannot be performed on checked arguments"))?;
        handler(worker, caller, request)
    }
}
