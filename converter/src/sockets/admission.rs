//! Programs for calls that the supervisor decides: they let through what it has entered, and nothing else.
//!
//! The supervisor reads the address of a call, judges it, enters the thread and the address, and lets the kernel continue. The
//! kernel reads the address again; if another thread has changed it meanwhile, it finds no such entry.

use super::hook::{Family, Hook};
use super::program::{Field, SocketProgram};
use super::refusal::{CONTEXT, ERROR, NO_ENTRY, RULE, refuse};
use crate::ebpf::{BuildError, Builder, Helper, Instruction, Label, Map, Register, Width};

/// The place of the calling thread on the stack: a key of [`Map::Entries`].
const THREAD: (Register, i16) = (Register::STACK, -8);

/// The programs for all hooks of a call.
///
/// An entry is the thread's number as `bpf_get_current_pid_tgid` has it (64 bits); its value is the address: family, port
/// and four words of 32 bits as programs see them. There is one for a thread, and it is gone when it was used.
///
/// # Errors
/// Never: they are short.
pub fn admitting(call: &str) -> Result<Vec<SocketProgram>, BuildError> {
    Hook::of(call).iter().map(|hook| write(*hook)).collect()
}

fn write(hook: Hook) -> Result<SocketProgram, BuildError> {
    use Instruction::{Add, Call, Copy, LoadMap, Set, Store};
    const RESULT: Register = Register::RESULT;
    let [first, second, ..] = Register::ARGUMENTS;
    let at_thread = [LoadMap(first, Map::Entries), Copy(second, THREAD.0), Add(second, -8)];
    let mut builder = Builder::default();
    let permit = builder.end(&[Set(RESULT, 1)]);
    let refuse = refuse(&mut builder, hook);
    let set = [Set(RULE, NO_ENTRY.cast_signed()), Set(ERROR, libc::EPERM)];
    let refuse = builder.before(refuse, &set);
    // Whoever takes the entry out may pass: nobody uses it twice.
    let taken = builder.branch_if_null(RESULT, [permit, refuse]);
    let take = builder.before(taken, &[&at_thread[..], &[Call(Helper::MapDelete)]].concat());
    let compare = same_address(&mut builder, hook, [take, refuse]);
    // The rule's place is free until there is something to refuse.
    let found = builder.before(compare, &[Copy(RULE, RESULT)]);
    let look = builder.branch_if_null(RESULT, [refuse, found]);
    let look = builder.before(look, &[&at_thread[..], &[Call(Helper::MapLookup)]].concat());
    let start = [
        Copy(CONTEXT, Register::ARGUMENTS[0]),
        Call(Helper::CurrentPidTgid),
        Store(Width::Double, THREAD, RESULT),
    ];
    let entry = builder.before(look, &start);
    Ok(SocketProgram { hook, program: builder.finish(entry)? })
}

/// Every word of the entry is what the context says.
fn same_address(builder: &mut Builder, hook: Hook, [same, other]: [Label; 2]) -> Label {
    let [first, second, ..] = Register::ARGUMENTS;
    let fields: Vec<Field> = match hook.family() {
        Family::Inet => vec![Field::FAMILY, Field::PORT, Field::V4],
        Family::Inet6 => {
            [Field::FAMILY, Field::PORT].into_iter().chain((0..4).map(Field::v6)).collect()
        }
        Family::Unix => vec![Field::FAMILY],
    };
    let each = fields.iter().enumerate().rev();
    each.fold(same, |next, (word, field)| {
        let equal = builder.branch_if_null(first, [next, other]);
        let load = [
            Instruction::Load(Width::Word, first, (CONTEXT, field.offset())),
            Instruction::Load(Width::Word, second, (RULE, 4 * word as i16)),
            Instruction::Subtract(first, second),
        ];
        builder.before(equal, &load)
    })
}
