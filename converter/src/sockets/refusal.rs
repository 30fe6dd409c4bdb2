//! How a socket program fails a call, and what it says of that.

use super::hook::Hook;
use crate::ebpf::Instruction::{Add, Call, Copy, Increment, Load, LoadMap, Negate, Set, Store};
use crate::ebpf::Width::{Double, Word};
use crate::ebpf::{Builder, Helper, Label, Map, Register};

/// What a program writes down about a call that it denies: the thread (64 bits), the rule, the error, the hook, the
/// length of the address (32 bits each) and the address itself.
pub const DENIAL: usize = 24 + ADDRESS;
/// The rule of a denial that no rule asks for.
pub const NO_RULE: u32 = u32::MAX;
/// The rule of a denial for want of an entry.
pub const NO_ENTRY: u32 = u32::MAX - 1;

/// `struct sockaddr_storage`, where the kernel keeps its copy (linux/socket.h).
const ADDRESS: usize = 128;

/// Where a program keeps its context.
pub(super) const CONTEXT: Register = Register::KEPT[0];
/// Where [`refuse`] wants the rule.
pub(super) const RULE: Register = Register::KEPT[1];
/// Where [`refuse`] wants the error.
pub(super) const ERROR: Register = Register::KEPT[2];

/// Places on the stack: the record, the kernel's form of the context, a key.
const RECORD: i16 = -(DENIAL as i16);
const KERNEL: i16 = RECORD - KERNEL_SIZE as i16;
const KEY: i16 = KERNEL - 8;

/// The program's context as the kernel has it (`struct bpf_sock_addr_kern`, linux/filter.h). These fields are looked at for
/// the record only, never for the decision: nobody promises where they are.
const POINTER: i16 = KERNEL + 8;
const LENGTH: i16 = KERNEL + 32;
const KERNEL_SIZE: i32 = 40;

const STACK: Register = Register::STACK;

/// Writes the denial down for the supervisor, or counts that it could not, and fails the call.
pub(super) fn refuse(builder: &mut Builder, hook: Hook) -> Label {
    let fail = fail(builder);
    let lost = count(builder, fail);
    let hand_over = hand_over(builder, [fail, lost]);
    record(builder, hook, hand_over)
}

fn fail(builder: &mut Builder) -> Label {
    let [first, ..] = Register::ARGUMENTS;
    builder.end(&[
        Copy(first, ERROR),
        Negate(first),
        Call(Helper::SetRetval),
        Set(Register::RESULT, 0),
    ])
}

/// Counts a denial that nobody will hear of.
fn count(builder: &mut Builder, next: Label) -> Label {
    let [first, second, ..] = Register::ARGUMENTS;
    let count = builder.before(next, &[Set(first, 1), Increment((Register::RESULT, 0), first)]);
    let found = builder.branch_if_null(Register::RESULT, [next, count]);
    builder.before(
        found,
        &[
            Set(first, 0),
            Store(Word, (STACK, KEY), first),
            Copy(second, STACK),
            Add(second, KEY.into()),
            LoadMap(first, Map::Lost),
            Call(Helper::MapLookup),
        ],
    )
}

/// Gives the record to the ring.
fn hand_over(builder: &mut Builder, [done, lost]: [Label; 2]) -> Label {
    let [first, second, third, fourth, _] = Register::ARGUMENTS;
    let written = builder.branch_if_null(Register::RESULT, [done, lost]);
    builder.before(
        written,
        &[
            LoadMap(first, Map::Denials),
            Copy(second, STACK),
            Add(second, RECORD.into()),
            Set(third, DENIAL as i32),
            Set(fourth, 0),
            Call(Helper::RingOutput),
        ],
    )
}

/// Puts the record together.
fn record(builder: &mut Builder, hook: Hook, next: Label) -> Label {
    let [first, second, third, ..] = Register::ARGUMENTS;
    builder.before(
        next,
        &[
            Call(Helper::CurrentPidTgid),
            Store(Double, (STACK, RECORD), Register::RESULT),
            Store(Word, (STACK, RECORD + 8), RULE),
            Store(Word, (STACK, RECORD + 12), ERROR),
            Set(first, hook as i32),
            Store(Word, (STACK, RECORD + 16), first),
            // The kernel's form of the context …
            Copy(first, STACK),
            Add(first, KERNEL.into()),
            Set(second, KERNEL_SIZE),
            Copy(third, CONTEXT),
            Call(Helper::ProbeReadKernel),
            // … has the address and its length.
            Load(Word, first, (STACK, LENGTH)),
            Store(Word, (STACK, RECORD + 20), first),
            Copy(first, STACK),
            Add(first, i32::from(RECORD) + 24),
            Set(second, ADDRESS as i32),
            Load(Double, third, (STACK, POINTER)),
            Call(Helper::ProbeReadKernel),
        ],
    )
}
