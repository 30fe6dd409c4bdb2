//! A filter as data: per call, an ordered list of clauses over the argument registers; the first
//! that holds decides.

use std::collections::BTreeMap;

use policy::registry::SyscallNumber;

use crate::bpf::SeccompData;

/// What the kernel does with a call (seccomp(2), "Filter return values").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Carries it out.
    Allow,
    /// Fails it with this error.
    Errno(u16),
    /// Asks the listener.
    Notify,
    /// Sends SIGSYS.
    Trap,
    /// Asks the tracer, which sees this number.
    Trace(u16),
    /// Carries it out and logs it.
    Log,
    /// Kills the thread.
    KillThread,
    /// Kills the process.
    KillProcess,
}

impl Action {
    /// Every kind of action, with 0 where a number belongs to it.
    pub const KINDS: [Self; 8] = [
        Self::Allow,
        Self::Errno(0),
        Self::Notify,
        Self::Trap,
        Self::Trace(0),
        Self::Log,
        Self::KillThread,
        Self::KillProcess,
    ];

    /// The value that a filter returns for it.
    #[must_use]
    pub fn value(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
            Self::Notify => libc::SECCOMP_RET_USER_NOTIF,
            Self::Trap => libc::SECCOMP_RET_TRAP,
            Self::Trace(number) => libc::SECCOMP_RET_TRACE | u32::from(number),
            Self::Log => libc::SECCOMP_RET_LOG,
            Self::KillThread => libc::SECCOMP_RET_KILL_THREAD,
            Self::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }

    /// Where the kernel ranks it when several filters speak: it obeys the lowest, and compares the
    /// values as signed numbers so that killing the process comes first (`seccomp_run_filters`,
    /// kernel/seccomp.c).
    #[must_use]
    pub fn rank(self) -> i32 {
        (self.value() & libc::SECCOMP_RET_ACTION_FULL).cast_signed()
    }
}

/// How a masked register is compared, unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `=`
    Equal,
    /// `≠`
    NotEqual,
    /// `<`
    Less,
    /// `≤`
    LessOrEqual,
    /// `>`
    Greater,
    /// `≥`
    GreaterOrEqual,
}

impl Relation {
    /// The relation that holds where this one does not.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

/// `register & mask RELATION value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RegisterTest {
    argument: u8,
    mask: u64,
    relation: Relation,
    value: u64,
}

impl RegisterTest {
    /// The bits that the kernel looks at where it takes an `int`.
    pub const INT: u64 = u32::MAX as u64;

    /// A test; none if there is no such argument, a call has six.
    #[must_use]
    pub fn new(argument: u8, mask: u64, relation: Relation, value: u64) -> Option<Self> {
        (argument < 6).then_some(Self { argument, mask, relation, value })
    }

    /// Which argument, from 0.
    #[must_use]
    pub fn argument(&self) -> u8 {
        self.argument
    }

    /// The bits that count.
    #[must_use]
    pub fn mask(&self) -> u64 {
        self.mask
    }

    /// How they are compared.
    #[must_use]
    pub fn relation(&self) -> Relation {
        self.relation
    }

    /// With what.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value
    }

    /// The test that holds where this one does not.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { relation: self.relation.negated(), ..self }
    }

    /// Whether it holds for these registers.
    #[must_use]
    pub fn holds(&self, arguments: &[u64; 6]) -> bool {
        let register = arguments[usize::from(self.argument)] & self.mask;
        match self.relation {
            Relation::Equal => register == self.value,
            Relation::NotEqual => register != self.value,
            Relation::Less => register < self.value,
            Relation::LessOrEqual => register <= self.value,
            Relation::Greater => register > self.value,
            Relation::GreaterOrEqual => register >= self.value,
        }
    }
}

/// If all tests hold, the action applies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Clause {
    /// All must hold; none: always.
    pub tests: Vec<RegisterTest>,
    /// What then happens.
    pub action: Action,
}

impl Clause {
    /// A clause that always applies.
    #[must_use]
    pub fn always(action: Action) -> Self {
        Self { tests: Vec::new(), action }
    }

    fn holds(&self, arguments: &[u64; 6]) -> bool {
        self.tests.iter().all(|test| test.holds(arguments))
    }
}

/// What happens with calls whose number is above every known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newer {
    /// The newest known call.
    pub than: SyscallNumber,
    /// What happens with the others.
    pub action: Action,
}

/// Decides every call that is made by the 64-bit convention. All others, `int 0x80` and x32, fail
/// with ENOSYS, as on a kernel built without them: their numbers mean other calls, so they would be
/// a way around every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// For calls and cases that nothing else decides.
    pub default: Action,
    /// Calls above the known ones.
    pub newer: Option<Newer>,
    /// First match wins.
    pub calls: BTreeMap<SyscallNumber, Vec<Clause>>,
}

impl Filter {
    /// For calls that the filter does not know how to read.
    pub const FOREIGN: Action = Action::Errno(libc::ENOSYS as u16);
    /// x32 calls carry this bit in their number (`__X32_SYSCALL_BIT`, asm/unistd.h).
    pub const X32: u32 = 0x4000_0000;

    /// A filter that does the same with every call.
    #[must_use]
    pub fn new(default: Action) -> Self {
        Self { default, newer: None, calls: BTreeMap::new() }
    }

    /// What happens with a call: the meaning that the generated program must have.
    #[must_use]
    pub fn decide(&self, data: &SeccompData) -> Action {
        if data.architecture != SeccompData::X86_64 || data.number >= Self::X32 {
            return Self::FOREIGN;
        }
        let number = SyscallNumber(data.number);
        if let Some(newer) = self.newer.filter(|newer| number > newer.than) {
            return newer.action;
        }
        let clauses = self.calls.get(&number).map_or(&[][..], Vec::as_slice);
        let found = clauses.iter().find(|clause| clause.holds(&data.arguments));
        found.map_or(self.default, |clause| clause.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_action_ranks_first() {
        let mut actions = Action::KINDS;
        actions.sort_by_key(|action| action.rank());
        assert_eq!(
            actions,
            [
                Action::KillProcess,
                Action::KillThread,
                Action::Trap,
                Action::Errno(0),
                Action::Notify,
                Action::Trace(0),
                Action::Log,
                Action::Allow,
            ]
        );
    }

    #[test]
    fn a_seventh_argument_cannot_be_tested() {
        assert_eq!(RegisterTest::new(6, u64::MAX, Relation::Equal, 0), None);
    }

    #[test]
    fn foreign_calls_do_not_exist() {
        let filter = Filter::new(Action::Allow);
        let int80 =
            SeccompData { architecture: SeccompData::I386, ..SeccompData::native(1, [0; 6]) };
        assert_eq!(filter.decide(&int80), Action::Errno(38));
        assert_eq!(filter.decide(&SeccompData::native(Filter::X32 | 1, [0; 6])), Action::Errno(38));
        assert_eq!(filter.decide(&SeccompData::native(1, [0; 6])), Action::Allow);
    }
}
