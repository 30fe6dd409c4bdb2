//! The instructions that seccomp filters need, and their form for the kernel (linux/filter.h).

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD,
    BPF_RET, BPF_W,
};

/// A 32-bit word of `struct seccomp_data` (linux/seccomp.h). BPF loads no wider values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The number of the call.
    Number,
    /// The architecture (`AUDIT_ARCH_…`) by whose convention the call was made.
    Architecture,
    /// The lower half of an argument.
    Low(u8),
    /// The upper half of an argument.
    High(u8),
}

impl Field {
    /// The byte offset in `struct seccomp_data`; x86_64 is little endian, so the lower half comes
    /// first.
    fn offset(self) -> u32 {
        match self {
            Self::Number => 0,
            Self::Architecture => 4,
            Self::Low(argument) => 16 + 8 * u32::from(argument),
            Self::High(argument) => 20 + 8 * u32::from(argument),
        }
    }

    fn at_offset(offset: u32) -> Option<Self> {
        let argument = u8::try_from(offset.saturating_sub(16) / 8).ok()?;
        [Self::Number, Self::Architecture, Self::Low(argument), Self::High(argument)]
            .into_iter()
            .find(|field| field.offset() == offset && argument < 6)
    }
}

/// How a conditional jump compares the accumulator with its operand, both unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// The accumulator is greater.
    Greater,
    /// The accumulator is greater or equal.
    GreaterOrEqual,
    /// They have a bit in common.
    AnyBit,
}

impl Comparison {
    const ALL: [Self; 4] = [Self::Equal, Self::Greater, Self::GreaterOrEqual, Self::AnyBit];

    fn code(self) -> u32 {
        match self {
            Self::Equal => BPF_JEQ,
            Self::Greater => BPF_JGT,
            Self::GreaterOrEqual => BPF_JGE,
            Self::AnyBit => BPF_JSET,
        }
    }

    /// Whether the comparison holds.
    #[must_use]
    pub fn holds(self, accumulator: u32, operand: u32) -> bool {
        match self {
            Self::Equal => accumulator == operand,
            Self::Greater => accumulator > operand,
            Self::GreaterOrEqual => accumulator >= operand,
            Self::AnyBit => accumulator & operand != 0,
        }
    }
}

/// One instruction. Jump distances count the instructions that are jumped over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// The accumulator takes the value of a field.
    Load(Field),
    /// The accumulator keeps only these bits.
    And(u32),
    /// A conditional jump.
    Branch {
        /// How the accumulator is compared.
        comparison: Comparison,
        /// With what.
        operand: u32,
        /// The distance if it holds.
        holds: u8,
        /// The distance if it does not.
        fails: u8,
    },
    /// An unconditional jump.
    Jump(u32),
    /// The program ends with this value.
    Return(u32),
}

impl Instruction {
    /// The kernel's `struct sock_filter`.
    #[must_use]
    pub fn encode(self) -> libc::sock_filter {
        let (code, jt, jf, k) = match self {
            Self::Load(field) => (BPF_LD | BPF_W | BPF_ABS, 0, 0, field.offset()),
            Self::And(mask) => (BPF_ALU | BPF_AND | BPF_K, 0, 0, mask),
            Self::Branch { comparison, operand, holds, fails } => {
                (BPF_JMP | comparison.code() | BPF_K, holds, fails, operand)
            }
            Self::Jump(distance) => (BPF_JMP | BPF_JA, 0, 0, distance),
            Self::Return(value) => (BPF_RET | BPF_K, 0, 0, value),
        };
        // Every code of linux/bpf_common.h fits in 8 of the 16 bits.
        libc::sock_filter { code: code as u16, jt, jf, k }
    }

    /// The instruction that the kernel form stands for; none if this generator never writes such a
    /// one.
    #[must_use]
    pub fn decode(raw: libc::sock_filter) -> Option<Self> {
        let (code, operand) = (u32::from(raw.code), raw.k);
        if let Some(comparison) =
            Comparison::ALL.into_iter().find(|each| code == BPF_JMP | each.code() | BPF_K)
        {
            return Some(Self::Branch { comparison, operand, holds: raw.jt, fails: raw.jf });
        }
        let instruction = match code {
            _ if code == BPF_LD | BPF_W | BPF_ABS => Self::Load(Field::at_offset(operand)?),
            _ if code == BPF_ALU | BPF_AND | BPF_K => Self::And(operand),
            _ if code == BPF_JMP | BPF_JA => Self::Jump(operand),
            _ if code == BPF_RET | BPF_K => Self::Return(operand),
            _ => return None,
        };
        Some(instruction)
    }
}

/// A finished program, at most `BPF_MAXINSNS` long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

/// Bytes that are no program of this generator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a whole number of instructions.
    #[error("a filter of {0} bytes is not a whole number of instructions")]
    Length(usize),
    /// Empty, or more than the kernel takes.
    #[error("a filter of {0} instructions is not between 1 and {max}", max = Program::MAX)]
    Size(usize),
    /// An unknown instruction.
    #[error("instruction {0} of the filter is unknown")]
    Instruction(usize),
}

impl Program {
    /// The longest program that the kernel takes (`BPF_MAXINSNS`, linux/bpf_common.h).
    pub const MAX: usize = 4096;
    const WIDTH: usize = 8;

    pub(super) fn new(instructions: Vec<Instruction>) -> Result<Self, usize> {
        match instructions.len() {
            1..=Self::MAX => Ok(Self(instructions)),
            size => Err(size),
        }
    }

    /// The instructions, first to last.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }

    /// The program as seccomp(2) takes it.
    #[must_use]
    pub fn to_kernel(&self) -> Vec<libc::sock_filter> {
        self.0.iter().map(|instruction| instruction.encode()).collect()
    }

    /// The bytes of [`Self::to_kernel`], to hand from process to process on one machine.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * Self::WIDTH);
        for raw in self.to_kernel() {
            bytes.extend(raw.code.to_ne_bytes());
            bytes.extend([raw.jt, raw.jf]);
            bytes.extend(raw.k.to_ne_bytes());
        }
        bytes
    }

    /// The reverse of [`Self::to_bytes`].
    ///
    /// # Errors
    /// The bytes are not such a program.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (words, rest) = bytes.as_chunks::<{ Self::WIDTH }>();
        if !rest.is_empty() {
            return Err(DecodeError::Length(bytes.len()));
        }
        let decode = |(index, word): (usize, &[u8; Self::WIDTH])| {
            let [c0, c1, jt, jf, k @ ..] = *word;
            let code = u16::from_ne_bytes([c0, c1]);
            Instruction::decode(libc::sock_filter { code, jt, jf, k: u32::from_ne_bytes(k) })
                .ok_or(DecodeError::Instruction(index))
        };
        let instructions = words.iter().enumerate().map(decode).collect::<Result<_, _>>()?;
        Self::new(instructions).map_err(DecodeError::Size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_give_back_the_program() {
        let program = Program::new(vec![
            Instruction::Load(Field::High(5)),
            Instruction::And(0xff00),
            Instruction::Branch {
                comparison: Comparison::AnyBit,
                operand: 7,
                holds: 0,
                fails: 255,
            },
            Instruction::Jump(300),
            Instruction::Return(u32::MAX),
        ])
        .expect("a short program");
        assert_eq!(Program::from_bytes(&program.to_bytes()), Ok(program));
    }

    #[test]
    fn every_field_has_its_own_offset() {
        let arguments = (0..6).flat_map(|n| [Field::Low(n), Field::High(n)]);
        for field in [Field::Number, Field::Architecture].into_iter().chain(arguments) {
            assert_eq!(Field::at_offset(field.offset()), Some(field));
        }
        for offset in [8, 12, 17, 64, 68, u32::MAX] {
            assert_eq!(Field::at_offset(offset), None, "{offset}");
        }
    }

    #[test]
    fn foreign_bytes_are_refused() {
        assert_eq!(Program::from_bytes(&[0; 7]), Err(DecodeError::Length(7)));
        assert_eq!(Program::from_bytes(&[]), Err(DecodeError::Size(0)));
        assert_eq!(Program::from_bytes(&[0xff; 8]), Err(DecodeError::Instruction(0)));
    }
}
