//! The rules of a call as socket programs know them.

use policy::condition::{Comparison, Condition};
use policy::program::{Action, Policy, Rule, RuleId};
use policy::registry::FormId;

use super::endpoints::Endpoints;
use crate::plan::Reason;

/// A condition on addresses. Names of UNIX sockets fail every test in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// The same for every address.
    Constant(bool),
    /// The address is one of these.
    Test(Endpoints),
    /// It does not hold.
    Not(Box<Self>),
    /// Both hold.
    And(Box<Self>, Box<Self>),
    /// One of them holds.
    Or(Box<Self>, Box<Self>),
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The call goes on.
    Permit,
    /// It fails with this error.
    Deny(u16),
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketRule {
    /// Its place in the policy.
    pub id: RuleId,
    /// When it decides.
    pub condition: Tree,
    /// What it decides.
    pub verdict: Verdict,
}

/// The rules on a form's names, those left out that never hold. No form with a socket's address has an alias.
///
/// # Errors
/// The first rule that a program cannot judge, and why.
pub fn rules(policy: &Policy, form: FormId) -> Result<Vec<SocketRule>, (RuleId, Reason)> {
    let mut judged = Vec::new();
    for id in policy.rules_for(form).own {
        let rule = policy.rule(*id);
        let condition = tree(&rule.condition, form).map_err(|reason| (*id, reason))?;
        if condition == Tree::Constant(false) {
            continue;
        }
        let always = condition == Tree::Constant(true);
        let verdict = verdict(rule).map_err(|reason| (*id, reason))?;
        judged.push(SocketRule { id: *id, condition, verdict });
        if always {
            break;
        }
    }
    Ok(judged)
}

fn verdict(rule: &Rule) -> Result<Verdict, Reason> {
    if rule.predicate.is_some() {
        return Err(Reason::Predicate);
    }
    if rule.log {
        return Err(Reason::Log);
    }
    if rule.identity.is_some() {
        return Err(Reason::Identity);
    }
    match rule.action {
        Action::Permit(_) => Ok(Verdict::Permit),
        Action::Deny(errno) => Ok(Verdict::Deny(errno.number())),
        Action::Ask => Err(Reason::Ask),
    }
}

fn tree(condition: &Condition, form: FormId) -> Result<Tree, Reason> {
    Ok(match condition {
        Condition::True => Tree::Constant(true),
        Condition::Test(test) => comparison(test, form)?,
        Condition::Not(inner) => tree(inner, form)?.negated(),
        Condition::And(one, other) => tree(one, form)?.and(tree(other, form)?),
        Condition::Or(one, other) => tree(one, form)?.or(tree(other, form)?),
    })
}

fn comparison(test: &Comparison, form: FormId) -> Result<Tree, Reason> {
    let index = usize::from(test.index().unwrap_or_default());
    if form.form().parameter(test.argument(), index).is_none() {
        // An argument that the call does not have fails every comparison.
        return Ok(Tree::Constant(false));
    }
    // What a variable stands for is known in the container only.
    if test.text().contains(&b'$') {
        return Err(Reason::Lookup);
    }
    let sets = Endpoints::all_of(test).ok_or(Reason::Memory)?;
    let any = sets.into_iter().filter(|set| !set.is_empty()).map(Tree::Test);
    let any = any.reduce(Tree::or).unwrap_or(Tree::Constant(false));
    Ok(if test.operator() == policy::ast::Operator::Neq { any.negated() } else { any })
}

impl Tree {
    fn negated(self) -> Self {
        match self {
            Self::Constant(holds) => Self::Constant(!holds),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant(true), one) | (one, Self::Constant(true)) => one,
            (Self::Constant(false), _) | (_, Self::Constant(false)) => Self::Constant(false),
            (one, other) => Self::And(Box::new(one), Box::new(other)),
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant(false), one) | (one, Self::Constant(false)) => one,
            (Self::Constant(true), _) | (_, Self::Constant(true)) => Self::Constant(true),
            (one, other) => Self::Or(Box::new(one), Box::new(other)),
        }
    }
}
