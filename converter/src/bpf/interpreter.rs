//! Runs a program as the kernel would, for tests and for explaining a decision.

use super::instruction::{Field, Instruction, Program};

/// What the kernel shows to a filter: `struct seccomp_data` (linux/seccomp.h) without the
/// instruction pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeccompData {
    /// The number of the call.
    pub number: u32,
    /// `AUDIT_ARCH_…`.
    pub architecture: u32,
    /// The six argument registers.
    pub arguments: [u64; 6],
}

impl SeccompData {
    /// `AUDIT_ARCH_X86_64` (linux/audit.h): `EM_X86_64`, 64 bits, little endian.
    pub const X86_64: u32 = 62 | 0x8000_0000 | 0x4000_0000;
    /// `AUDIT_ARCH_I386`: `EM_386`, little endian; `int 0x80` arrives as such.
    pub const I386: u32 = 3 | 0x4000_0000;

    /// A call by the 64-bit convention.
    #[must_use]
    pub fn native(number: u32, arguments: [u64; 6]) -> Self {
        Self { number, architecture: Self::X86_64, arguments }
    }

    fn field(&self, field: Field) -> u32 {
        let argument = |index: u8| self.arguments[usize::from(index)];
        match field {
            Field::Number => self.number,
            Field::Architecture => self.architecture,
            // The halves of the register: cutting is meant.
            Field::Low(index) => argument(index) as u32,
            Field::High(index) => (argument(index) >> 32) as u32,
        }
    }
}

impl Default for SeccompData {
    fn default() -> Self {
        Self::native(0, [0; 6])
    }
}

/// The program ran past its end: the kernel's checker would have refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program left its end after {0} instructions")]
pub struct Fault(usize);

/// The value that the program returns for one call.
///
/// # Errors
/// It has no end on this way.
pub fn interpret(program: &Program, data: &SeccompData) -> Result<u32, Fault> {
    let code = program.instructions();
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    // Jumps only go forward, so this ends.
    while let Some(&instruction) = code.get(at) {
        at += 1;
        match instruction {
            Instruction::Load(field) => accumulator = data.field(field),
            Instruction::And(mask) => accumulator &= mask,
            Instruction::Branch { comparison, operand, holds, fails } => {
                let distance = if comparison.holds(accumulator, operand) { holds } else { fails };
                at += usize::from(distance);
            }
            Instruction::Jump(distance) => at = at.saturating_add(distance as usize),
            Instruction::Return(value) => return Ok(value),
        }
    }
    Err(Fault(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_an_argument() {
        let data = SeccompData::native(0, [0x1111_2222_3333_4444, 0, 0, 0, 0, 5]);
        assert_eq!(data.field(Field::Low(0)), 0x3333_4444);
        assert_eq!(data.field(Field::High(0)), 0x1111_2222);
        assert_eq!(data.field(Field::Low(5)), 5);
    }

    #[test]
    fn running_past_the_end_is_a_fault() {
        let program = Program::new(vec![Instruction::Jump(3)]).expect("one instruction");
        assert_eq!(interpret(&program, &SeccompData::default()), Err(Fault(4)));
    }
}
