//! The instructions that socket programs need, and their form for the kernel (linux/bpf.h, RFC 9669).

/// One of the machine's registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Register(u8);

impl Register {
    /// The result of a call and of the program.
    pub const RESULT: Self = Self(0);
    /// The argument of a call, from 1 to 5. A call destroys them.
    pub const ARGUMENTS: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];
    /// Registers that calls leave alone.
    pub const KEPT: [Self; 4] = [Self(6), Self(7), Self(8), Self(9)];
    /// The end of the stack, 512 bytes above its start. Read only.
    pub const STACK: Self = Self(10);

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// How much of memory is loaded or stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// 32 bits.
    Word,
    /// 64 bits.
    Double,
}

/// How a register is compared with a constant, unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `=`
    Equal,
    /// `≠`
    NotEqual,
    /// `<`
    Less,
    /// `>`
    Greater,
}

impl Relation {
    fn code(self) -> u8 {
        match self {
            Self::Equal => 0x10,
            Self::NotEqual => 0x50,
            Self::Less => 0xa0,
            Self::Greater => 0x20,
        }
    }

    /// Whether the relation holds.
    #[must_use]
    pub fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::Greater => left > right,
        }
    }
}

/// What a program calls in the kernel (`enum bpf_func_id`, linux/bpf.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Helper {
    /// Finds a map's value.
    MapLookup = 1,
    /// Removes an entry of a map.
    MapDelete = 3,
    /// The calling thread.
    CurrentPidTgid = 14,
    /// Copies kernel memory.
    ProbeReadKernel = 113,
    /// Hands bytes to whoever reads the ring.
    RingOutput = 130,
    /// The error that the call fails with.
    SetRetval = 187,
}

/// A map that a program uses. Whoever loads the program puts a descriptor in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Map {
    /// The ring of denials.
    Denials = 0,
    /// The number of denials that the ring had no room for.
    Lost = 1,
    /// The calls that the supervisor has let through.
    Entries = 2,
}

/// One instruction. Jump distances count the slots that are jumped over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// `to = value`, sign-extended.
    Set(Register, i32),
    /// `to = from`.
    Copy(Register, Register),
    /// `to += value`.
    Add(Register, i32),
    /// `to -= from`.
    Subtract(Register, Register),
    /// `to = -to`.
    Negate(Register),
    /// Brings a number of so many bits from network order into ours; the other bits become 0.
    FromNetwork(Register, u8),
    /// `to = *(base + offset)`.
    Load(Width, Register, (Register, i16)),
    /// `*(base + offset) = from`.
    Store(Width, (Register, i16), Register),
    /// `*(base + offset) += from`, atomically, 64 bits.
    Increment((Register, i16), Register),
    /// `to` names a map; two slots.
    LoadMap(Register, Map),
    /// A conditional jump on the lower 32 bits.
    Branch(Relation, Register, u32, i16),
    /// A conditional jump where the register is 0: what a map has no value for.
    BranchIfNull(Register, i16),
    /// An unconditional jump.
    Jump(i16),
    /// A call into the kernel.
    Call(Helper),
    /// The end.
    Exit,
}

impl Instruction {
    /// How many slots of 8 bytes it takes.
    #[must_use]
    pub fn slots(self) -> usize {
        match self {
            Self::LoadMap(..) => 2,
            _ => 1,
        }
    }

    /// How far it may jump.
    pub(super) fn distance(self) -> Option<i16> {
        match self {
            Self::Branch(.., distance) | Self::BranchIfNull(_, distance) | Self::Jump(distance) => {
                Some(distance)
            }
            _ => None,
        }
    }

    /// The same with another distance.
    pub(super) fn with_distance(mut self, change: impl FnOnce(i16) -> i16) -> Self {
        match &mut self {
            Self::Branch(.., distance) | Self::BranchIfNull(_, distance) | Self::Jump(distance) => {
                *distance = change(*distance);
            }
            _ => {}
        }
        self
    }

    /// The next one may follow.
    pub(super) fn falls_through(self) -> bool {
        !matches!(self, Self::Jump(_) | Self::Exit)
    }

    /// The kernel's `struct bpf_insn`, once or twice.
    fn encode(self, out: &mut Vec<u8>) {
        /// The source register by which a wide constant is known to name a map (`BPF_PSEUDO_MAP_FD`).
        const MAP: Register = Register(1);
        let none = Register(0);
        let (code, to, from, offset, value) = match self {
            Self::Set(to, value) => (0xb7, to, none, 0, value),
            Self::Copy(to, from) => (0xbf, to, from, 0, 0),
            Self::Add(to, value) => (0x07, to, none, 0, value),
            Self::Subtract(to, from) => (0x1f, to, from, 0, 0),
            Self::Negate(to) => (0x87, to, none, 0, 0),
            Self::FromNetwork(to, bits) => (0xdc, to, none, 0, bits.into()),
            Self::Load(width, to, (base, offset)) => (0x61 | size(width), to, base, offset, 0),
            Self::Store(width, (base, offset), from) => (0x63 | size(width), base, from, offset, 0),
            Self::Increment((base, offset), from) => (0xdb, base, from, offset, 0),
            Self::LoadMap(to, map) => (0x18, to, MAP, 0, map as i32),
            Self::Branch(relation, left, right, distance) => {
                (0x06 | relation.code(), left, none, distance, right.cast_signed())
            }
            Self::BranchIfNull(left, distance) => (0x15, left, none, distance, 0),
            Self::Jump(distance) => (0x05, none, none, distance, 0),
            Self::Call(helper) => (0x85, none, none, 0, helper as i32),
            Self::Exit => (0x95, none, none, 0, 0),
        };
        let offset: i16 = offset;
        out.extend([code, from.0 << 4 | to.0]);
        out.extend(offset.to_ne_bytes());
        out.extend(value.to_ne_bytes());
        if self.slots() == 2 {
            out.extend([0; 8]);
        }
    }
}

fn size(width: Width) -> u8 {
    match width {
        Width::Word => 0x00,
        Width::Double => 0x18,
    }
}

/// A finished program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

impl Program {
    /// The longest program: every jump reaches its target.
    pub const MAX: usize = i16::MAX as usize;

    pub(super) fn new(instructions: Vec<Instruction>) -> Self {
        Self(instructions)
    }

    /// The instructions, first to last.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }

    /// The `struct bpf_insn` array for bpf(2), with the number of a [`Map`] wherever its descriptor has to be.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        self.0.iter().for_each(|instruction| instruction.encode(&mut bytes));
        bytes
    }
}
