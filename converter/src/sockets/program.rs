//! From rules to programs.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::endpoints::Endpoints;
use super::hook::{Family, Hook};
use super::refusal::{CONTEXT, ERROR, NO_RULE, RULE, refuse};
use super::rules::{SocketRule, Tree, Verdict};
use crate::ebpf::{BuildError, Builder, Instruction, Label, Program, Register, Relation, Width};

/// A program and where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketProgram {
    /// Where.
    pub hook: Hook,
    /// What.
    pub program: Program,
}

/// The programs that judge a call by these rules, for calls that have hooks.
///
/// # Errors
/// One of them would be too long.
pub fn programs(call: &str, rules: &[SocketRule]) -> Result<Vec<SocketProgram>, BuildError> {
    Hook::of(call).iter().map(|hook| Writer::new(*hook).write(rules)).collect()
}

const SCRATCH: Register = Register::ARGUMENTS[0];

/// A part of `struct bpf_sock_addr` (linux/bpf.h), by its offset.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Field(i16);

impl Field {
    pub(super) const FAMILY: Self = Self(0);
    pub(super) const V4: Self = Self(4);
    pub(super) const PORT: Self = Self(24);

    /// A word of an IPv6 address.
    pub(super) fn v6(word: usize) -> Self {
        Self(8 + 4 * word as i16)
    }

    pub(super) fn offset(self) -> i16 {
        self.0
    }
}

/// The address that rules are asked about.
#[derive(Clone, Copy)]
enum Target {
    V4(Field),
    V6,
    /// Fails every test.
    Name,
}

struct Writer {
    hook: Hook,
    builder: Builder,
    permit: Label,
    /// Where a denial is written down and made.
    refuse: Label,
    denials: HashMap<(u16, u32), Label>,
}

impl Writer {
    fn new(hook: Hook) -> Self {
        let mut builder = Builder::default();
        let permit = builder.end(&[Instruction::Set(Register::RESULT, 1)]);
        let refuse = refuse(&mut builder, hook);
        Self { hook, builder, permit, refuse, denials: HashMap::new() }
    }

    fn write(mut self, rules: &[SocketRule]) -> Result<SocketProgram, BuildError> {
        let judge = match self.hook.family() {
            Family::Inet => self.judge(rules, Target::V4(Field::V4)),
            Family::Inet6 => self.judge6(rules),
            Family::Unix => self.judge(rules, Target::Name),
        };
        let checked = self.of_family(judge);
        let entry = self.builder.before(checked, &[Instruction::Copy(CONTEXT, SCRATCH)]);
        let program = self.builder.finish(entry)?;
        Ok(SocketProgram { hook: self.hook, program })
    }

    /// `::ffff:A.B.C.D` is judged as the IPv4 address that it reaches (ipv6(7)).
    fn judge6(&mut self, rules: &[SocketRule]) -> Label {
        const MAPPED: [u32; 3] = [0, 0, 0xffff];
        let other = self.judge(rules, Target::V6);
        let mut way = self.judge(rules, Target::V4(Field::v6(3)));
        for (word, value) in MAPPED.into_iter().enumerate().rev() {
            way = self.within(Field::v6(word), &[value..=value], [way, other]);
        }
        way
    }

    /// An address of a family that is not the socket's own fails in the kernel in any case, and its bytes are not where
    /// the rules look; bind(2) and nothing else takes `AF_UNSPEC` for IPv4 (`__inet_bind`).
    fn of_family(&mut self, judge: Label) -> Label {
        let families: &[i32] = match self.hook {
            Hook::Bind4 => &[libc::AF_INET, libc::AF_UNSPEC],
            Hook::Connect4 => &[libc::AF_INET],
            Hook::Bind6 | Hook::Connect6 => &[libc::AF_INET6],
            Hook::ConnectUnix => return judge,
        };
        let foreign = self.deny(libc::EAFNOSUPPORT as u16, NO_RULE);
        let mut way = foreign;
        for family in families {
            let test = (Relation::Equal, SCRATCH, family.cast_unsigned());
            way = self.builder.branch(test, [judge, way]);
        }
        let load = Instruction::Load(Width::Word, SCRATCH, (CONTEXT, Field::FAMILY.0));
        self.builder.before(way, &[load])
    }

    /// The first rule that holds decides.
    fn judge(&mut self, rules: &[SocketRule], target: Target) -> Label {
        let mut next = self.deny(libc::EPERM as u16, NO_RULE);
        for rule in rules.iter().rev() {
            let decided = match rule.verdict {
                Verdict::Permit => self.permit,
                Verdict::Deny(errno) => self.deny(errno, rule.id.0),
            };
            next = self.condition(&rule.condition, target, [decided, next]);
        }
        next
    }

    fn deny(&mut self, errno: u16, rule: u32) -> Label {
        if let Some(label) = self.denials.get(&(errno, rule)) {
            return *label;
        }
        let set =
            [Instruction::Set(RULE, rule.cast_signed()), Instruction::Set(ERROR, errno.into())];
        let label = self.builder.before(self.refuse, &set);
        self.denials.insert((errno, rule), label);
        label
    }

    fn condition(&mut self, tree: &Tree, target: Target, [yes, no]: [Label; 2]) -> Label {
        match tree {
            Tree::Constant(true) => yes,
            Tree::Constant(false) => no,
            Tree::Test(endpoints) => self.test(endpoints, target, [yes, no]),
            Tree::Not(inner) => self.condition(inner, target, [no, yes]),
            Tree::And(one, other) => {
                let rest = self.condition(other, target, [yes, no]);
                self.condition(one, target, [rest, no])
            }
            Tree::Or(one, other) => {
                let rest = self.condition(other, target, [yes, no]);
                self.condition(one, target, [yes, rest])
            }
        }
    }

    fn test(&mut self, endpoints: &Endpoints, target: Target, [yes, no]: [Label; 2]) -> Label {
        let address = match target {
            Target::Name => return no,
            Target::V4(field) => self.within(field, &endpoints.v4, [yes, no]),
            Target::V6 => endpoints.v6.iter().rev().fold(no, |next, words| {
                let each = words.iter().enumerate().rev();
                each.fold(yes, |way, (word, range)| {
                    self.within(Field::v6(word), std::slice::from_ref(range), [way, next])
                })
            }),
        };
        let wide = |range: &RangeInclusive<u16>| (*range.start()).into()..=(*range.end()).into();
        let ports: Vec<_> = endpoints.ports.iter().map(wide).collect();
        self.within(Field::PORT, &ports, [address, no])
    }

    /// The field, as a number, is in one of the ranges. It is loaded anew for each test: then the kernel's verifier has
    /// nothing to remember from one rule to the next, and takes programs of thousands of rules.
    fn within(
        &mut self,
        field: Field,
        ranges: &[RangeInclusive<u32>],
        [yes, no]: [Label; 2],
    ) -> Label {
        let (bits, most) = match field {
            Field::PORT => (16, u16::MAX.into()),
            _ => (32, u32::MAX),
        };
        if yes == no || ranges.contains(&(0..=most)) {
            return yes;
        }
        let mut next = no;
        for range in ranges.iter().rev() {
            next = self.one_of(range, most, [yes, next]);
        }
        if next == no {
            return no;
        }
        let load = Instruction::Load(Width::Word, SCRATCH, (CONTEXT, field.0));
        self.builder.before(next, &[load, Instruction::FromNetwork(SCRATCH, bits)])
    }

    fn one_of(&mut self, range: &RangeInclusive<u32>, most: u32, [yes, no]: [Label; 2]) -> Label {
        let (first, last) = (*range.start(), *range.end());
        if first == last {
            return self.builder.branch((Relation::Equal, SCRATCH, first), [yes, no]);
        }
        let below = match last == most {
            true => yes,
            false => self.builder.branch((Relation::Greater, SCRATCH, last), [no, yes]),
        };
        match first {
            0 => below,
            _ => self.builder.branch((Relation::Less, SCRATCH, first), [no, below]),
        }
    }
}
