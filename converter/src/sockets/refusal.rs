//! How a socket program fails a call, and what it says of that.

use super::hook::Hook;
use crate::ebpf::{Builder, Helper, Instruction, Label, Map, Register, Width};

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

/// Writes the denial down for the supervisor, or counts that it could not, and fails the call.
pub(super) fn refuse(builder: &mut Builder, hook: Hook) -> Label {
    use Instruction::{Add, Call, Copy, Increment, Load, LoadMap, Negate, Set, Store};
    use Width::{Double, Word};
    const STACK: Register = Register::STACK;
    let [first, second, third, fourth, _] = Register::ARGUMENTS;
    /// Places on the stack.
    const RECORD: i16 = -(DENIAL as i16);
    const KERNEL: i16 = RECORD - 40;
    const KEY: i16 = KERNEL - 8;
    /// The program's context as the kernel has it (`struct bpf_sock_addr_kern`, linux/filter.h). These fields are
    /// looked at for the record only, never for the decision: nobody promises where they are.
    const POINTER: i16 = KERNEL + 8;
    const LENGTH: i16 = KERNEL + 32;
    let place = |offset: i16| [Copy(first, STACK), Add(first, offset.into())];

    let fail = builder.end(&[
        Copy(first, ERROR),
        Negate(first),
        Call(Helper::SetRetval),
        Set(Register::RESULT, 0),
    ]);
    let count = builder.before(fail, &[Set(first, 1), Increment((Register::RESULT, 0), first)]);
    let found = builder.branch_if_null(Register::RESULT, [fail, count]);
    let lost = builder.before(
        found,
        &[
            Set(first, 0),
            Store(Word, (STACK, KEY), first),
            Copy(second, STACK),
            Add(second, KEY.into()),
            LoadMap(first, Map::Lost),
            Call(Helper::MapLookup),
        ],
    );
    let written = builder.branch_if_null(Register::RESULT, [fail, lost]);
    let output = builder.before(
        written,
        &[
            LoadMap(first, Map::Denials),
            Copy(second, STACK),
            Add(second, RECORD.into()),
            Set(third, DENIAL as i32),
            Set(fourth, 0),
            Call(Helper::RingOutput),
        ],
    );
    let [to, at] = place(RECORD + 24);
    let address = builder.before(
        output,
        &[
            Load(Word, first, (STACK, LENGTH)),
            Store(Word, (STACK, RECORD + 20), first),
            to,
            at,
            Set(second, ADDRESS as i32),
            Load(Double, third, (STACK, POINTER)),
            Call(Helper::ProbeReadKernel),
        ],
    );
    let [to, at] = place(KERNEL);
    builder.before(
        address,
        &[
            Call(Helper::CurrentPidTgid),
            Store(Double, (STACK, RECORD), Register::RESULT),
            Store(Word, (STACK, RECORD + 8), RULE),
            Store(Word, (STACK, RECORD + 12), ERROR),
            Set(first, hook as i32),
            Store(Word, (STACK, RECORD + 16), first),
            to,
            at,
            Set(second, 40),
            Copy(third, CONTEXT),
            Call(Helper::ProbeReadKernel),
        ],
    )
}
