//! Builds a program from its end towards its start, as the one for [classic BPF](crate::bpf::Builder) does: a label
//! exists only for a written instruction, so no jump leads nowhere, and none leads back.

use super::instruction::{Instruction, Program, Register, Relation};

/// A written instruction: how many slots there are from it to the program's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label(usize);

/// The program cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Its jumps would not reach.
    #[error("the socket program needs {size} instructions, {max} are possible", max = Program::MAX)]
    TooLong {
        /// How long.
        size: usize,
    },
}

/// A program in the making.
#[derive(Debug, Default)]
pub struct Builder {
    /// Last instruction first.
    reversed: Vec<Instruction>,
    slots: usize,
}

impl Builder {
    /// The end of the program, after these instructions.
    pub fn end(&mut self, instructions: &[Instruction]) -> Label {
        self.write(Instruction::Exit);
        self.straight(instructions)
    }

    /// These instructions, then on to `next`.
    pub fn before(&mut self, next: Label, instructions: &[Instruction]) -> Label {
        self.fall_through(next);
        self.straight(instructions)
    }

    /// Compares a register with a constant and goes on at `holds` or at `fails`.
    pub fn branch(
        &mut self,
        (relation, register, operand): (Relation, Register, u32),
        [holds, fails]: [Label; 2],
    ) -> Label {
        self.fall_through(fails);
        let distance = self.distance(holds);
        self.write(Instruction::Branch(relation, register, operand, distance))
    }

    /// Goes on at `null` if the register is 0, else at `next`.
    pub fn branch_if_null(&mut self, register: Register, [null, next]: [Label; 2]) -> Label {
        self.fall_through(next);
        let distance = self.distance(null);
        self.write(Instruction::BranchIfNull(register, distance))
    }

    /// The program that starts at `entry`.
    ///
    /// # Errors
    /// It is too long.
    pub fn finish(mut self, entry: Label) -> Result<Program, BuildError> {
        self.fall_through(entry);
        if self.slots > Program::MAX {
            return Err(BuildError::TooLong { size: self.slots });
        }
        self.reversed.reverse();
        Ok(Program::new(without_unreached(&self.reversed)))
    }

    fn straight(&mut self, instructions: &[Instruction]) -> Label {
        for instruction in instructions.iter().rev() {
            self.write(*instruction);
        }
        Label(self.slots)
    }

    fn write(&mut self, instruction: Instruction) -> Label {
        self.reversed.push(instruction);
        self.slots += instruction.slots();
        Label(self.slots)
    }

    /// Makes `label` what follows the next instruction to be written.
    fn fall_through(&mut self, label: Label) {
        if label.0 != self.slots {
            let distance = self.distance(label);
            self.write(Instruction::Jump(distance));
        }
    }

    /// How many slots a jump that is written now has to skip. One that does not fit belongs to a program that
    /// [`Self::finish`] refuses.
    fn distance(&self, label: Label) -> i16 {
        i16::try_from(self.slots - label.0).unwrap_or(i16::MAX)
    }
}

/// The kernel refuses a program with instructions that no way leads to, such as a verdict that no rule gives.
fn without_unreached(instructions: &[Instruction]) -> Vec<Instruction> {
    // By slots: what stands there, and whether a way leads there.
    let slots: usize = instructions.iter().map(|one| one.slots()).sum();
    let mut reached = vec![false; slots + 1];
    reached[0] = true;
    let mut at = 0;
    for instruction in instructions {
        let next = at + instruction.slots();
        if reached[at] {
            if let Some(distance) = instruction.distance() {
                reached[next + distance as usize] = true;
            }
            reached[next] |= instruction.falls_through();
        }
        at = next;
    }
    // How many reached slots there are before each one.
    let mut before = Vec::with_capacity(slots + 1);
    let mut kept = Vec::new();
    let (mut at, mut count) = (0, 0_usize);
    for instruction in instructions {
        before.extend(std::iter::repeat_n(count, instruction.slots()));
        if reached[at] {
            kept.push((at + instruction.slots(), *instruction));
            count += instruction.slots();
        }
        at += instruction.slots();
    }
    before.push(count);
    let distance = |next: usize, old: i16| (before[next + old as usize] - before[next]) as i16;
    kept.into_iter().map(|(next, one)| one.with_distance(|old| distance(next, old))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ebpf::{Surroundings, interpret};

    #[test]
    fn what_no_way_leads_to_is_left_out() {
        const RESULT: Register = Register::RESULT;
        let mut builder = Builder::default();
        let [one, unused, two] =
            [1, 9, 2].map(|value| builder.end(&[Instruction::Set(RESULT, value)]));
        let more = builder.before(unused, &[Instruction::Set(RESULT, 7)]);
        assert_ne!(more, unused);
        let fork = builder.branch((Relation::Equal, RESULT, 5), [one, two]);
        let entry = builder.before(fork, &[Instruction::Set(RESULT, 5)]);
        let program = builder.finish(entry).expect("a short program");
        assert_eq!(program.instructions().len(), 7);
        let outcome = interpret(&program, &mut Surroundings::default()).expect("a sound program");
        assert_eq!(outcome.returned, 1);
    }
}
