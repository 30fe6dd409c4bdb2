//! From a call to a judgement: what governs the caller is asked, and the answer goes into the book.

use crate::assumed::Assumed;
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
use policy::ast::PermitFlag;
use policy::registry::Alias;
use policy::{Decision, Event, Verdict};

/// What becomes of a call.
#[derive(Debug)]
#[must_use]
pub enum Judgement {
    /// It fails.
    Denied(policy::Errno),
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
    /// The ids that the call is made with, if not the caller's.
    pub assumed: Option<Assumed>,
}

/// Asks every policy that governs the caller: all of them must permit. Keeps the book.
///
/// # Errors
/// A refusal if it is not known what governs the caller.
pub fn judge(
    container: &Container,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Judgement, Denial> {
    Case { container, caller, request, again: false }.judge()
}

/// Asks once more about a call that was permitted, with what its names turned out to lead to. A permit is not recorded twice.
///
/// # Errors
/// As [`judge`].
pub fn judge_again(
    container: &Container,
    caller: &Caller<'_>,
    request: &Request,
) -> Result<Judgement, Denial> {
    Case { container, caller, request, again: true }.judge()
}

/// Permitted with a flag and perhaps with other ids, or denied with an error.
type Told = Result<(PermitFlag, Option<Assumed>), policy::Errno>;

/// A call before its judges.
struct Case<'c> {
    container: &'c Container,
    caller: &'c Caller<'c>,
    request: &'c Request,
    again: bool,
}

impl Case<'_> {
    fn judge(&self) -> Result<Judgement, Denial> {
        let Self { container, caller, request, .. } = *self;
        let standings = container.standings(caller)?;
        let subject = container.subject(caller)?;
        let (mut grants, mut judged_memory) = (Vec::with_capacity(1), false);
        for turn in 0..request.turns() {
            request.turn.set(turn);
            let texts: Vec<_> =
                request.arguments.iter().map(|argument| argument.text(turn)).collect();
            let values = request.arguments.iter().zip(&texts);
            let values: Vec<_> =
                values.map(|(argument, text)| argument.value(text.as_deref())).collect();
            let event = Event { form: request.form, values: &values, subject };
            for standing in &standings {
                let decided = self.decide(*standing, &event)?;
                judged_memory |= decided.1;
                match decided.0 {
                    Ok(grant) => grants.push(grant),
                    Err(errno) => return Ok(Judgement::Denied(errno)),
                }
            }
        }
        let Some((flag, assumed)) = grants.first().copied() else {
            return Err(Denial::because("nothing governs the process that calls"));
        };
        if grants.iter().any(|grant| grant.1 != assumed) {
            return Err(Denial::because("the policies or messages disagree on who makes the call"));
        }
        let flag = Some(flag).filter(|flag| grants.iter().all(|grant| grant.0 == *flag));
        Ok(Judgement::Permitted(Permission { flag, standings, judged_memory, assumed }))
    }

    /// What one of those that govern the caller says, and whether it looked at memory.
    fn decide(&self, standing: Standing, event: &Event<'_>) -> Result<(Told, bool), Denial> {
        let Standing::Policy(at) = standing else {
            return Ok((Ok((PermitFlag::Detach, None)), false));
        };
        let policy = self.container.policy(at).ok_or_else(|| Denial::because("no such policy"))?;
        if self.request.ends_association() && policy.may_permit(self.request.form) {
            return Ok((Ok((PermitFlag::None, None)), true));
        }
        let decision = policy.evaluate(event);
        Ok((self.verdict(&decision)?, decision.judged_memory))
    }

    /// What one policy says: permitted with a flag, or denied with an error.
    fn verdict(&self, decision: &Decision<'_>) -> Result<Told, Denial> {
        Ok(match decision.verdict {
            Verdict::Permit(flag) => {
                let assumed = decision.rule.map(|rule| Assumed::by(rule, self.container));
                Ok((self.permit(decision, flag), assumed.transpose()?.flatten()))
            }
            Verdict::Deny(errno) => Err(self.deny(decision, errno, None)),
            Verdict::Ask => {
                let reason = "the rule asks, and nobody can be asked";
                Err(self.deny(decision, policy::Errno::EPERM, Some(reason)))
            }
            Verdict::Uncovered => {
                Err(self.deny(decision, policy::Errno::EPERM, Some(record::NO_RULE)))
            }
        })
    }

    fn permit(&self, decision: &Decision<'_>, flag: PermitFlag) -> PermitFlag {
        if let Some(rule) = decision.rule.filter(|rule| rule.log && !self.again) {
            let finding = Finding { errno: None, rule: Some(rule), reason: None };
            record::judged(self.container, self.caller, self.request, finding);
        }
        flag
    }

    fn deny(
        &self,
        decision: &Decision<'_>,
        errno: policy::Errno,
        reason: Option<&str>,
    ) -> policy::Errno {
        self.container.audit.count(Outcome::Deny);
        let finding = Finding { errno: Some(errno), rule: decision.rule, reason };
        record::judged(self.container, self.caller, self.request, finding);
        errno
    }
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
        // A program that waits for an entry denies every call without one, whatever the decision rests on.
        let sockets = worker.container().sockets.as_ref();
        let awaited = sockets.is_some_and(|programs| programs.admits(request.form.call().name));
        let fenced = worker.container().is_fenced() && writes(request);
        let performed = self.judged_memory || self.assumed.is_some() || awaited || fenced;
        if let Some(proof) = NumbersOnly::of(performed) {
            return Ok(Reply::Continue(ContinueReason::NothingInMemoryJudged(proof)));
        }
        let handler = handlers::handler(request.form.call().name)
            .ok_or_else(|| Denial::because("the call cannot be performed on checked arguments"))?;
        handler(worker, caller, request)
    }
}

/// The call changes a file by its name: that is what a Landlock ruleset is about.
fn writes(request: &Request) -> bool {
    request.form.form().aliases.iter().any(|usage| usage.alias == Alias::Write)
}
