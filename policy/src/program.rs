//! What a policy means: rules bound to the forms of calls, and the decision for one event.

use crate::ast::{Operator, PermitFlag, Predicate};
use crate::errno::Errno;

/// The policies of one container: the entry program's first, then those of programs it may run.
#[derive(Debug, Clone)]
pub struct PolicySet {
    /// The policies; the first is the entry program's.
    pub policies: Vec<Policy>,
}

/// The meaning of one policy.
#[derive(Debug, Clone)]
pub struct Policy {
    program: String,
    rules: Vec<Rule>,
}

impl Policy {
    /// The program that the header names.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Every rule, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// A rule's place in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// One rule, everything looked up.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `file:line` of the rule.
    pub origin: Origin,
    /// The condition.
    pub condition: Condition,
    /// What is done.
    pub action: Action,
    /// The decision is recorded even when it permits.
    pub log: bool,
    /// `if user = …`.
    pub predicate: Option<Predicate>,
}

/// Where a rule was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// File name as it was given, or the template's name.
    pub file: std::sync::Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// The rule as typed, one line.
    pub text: String,
}

/// A condition over the arguments of a call.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Always.
    True,
    /// One comparison.
    Test(Comparison),
    /// Negation.
    Not(Box<Condition>),
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// Either.
    Or(Box<Condition>, Box<Condition>),
}

/// `argument[index] operator text`.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Lower-case name.
    pub argument: String,
    /// Which of the valid arguments of that name; none: the first.
    pub index: Option<u8>,
    /// The operator.
    pub operator: Operator,
    /// The text, variables expanded where they are known.
    pub text: Vec<u8>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Perform the call.
    Permit(PermitFlag),
    /// Fail with this error.
    Deny(Errno),
    /// Ask the user.
    Ask,
}

/// What the policy says about one event.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Decision<'p> {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule that decided; none if no rule matched.
    pub rule: Option<&'p Rule>,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call is performed.
    Permit(PermitFlag),
    /// The call fails.
    Deny(Errno),
    /// The user decides.
    Ask,
    /// No rule matched.
    Uncovered,
}
