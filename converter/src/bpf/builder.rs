//! Builds a program from its end towards its start.
//!
//! BPF jumps go forward only, so whoever writes the last instruction first always jumps to
//! something that is already there: a [`Label`] exists only for a written instruction and cannot
//! stay unresolved. Nobody counts offsets: a jump beyond the 8-bit reach of a conditional goes
//! through an unconditional one, which the builder puts in between.

use std::collections::HashMap;

use super::instruction::{Comparison, Field, Instruction, Program};

/// A written instruction: its distance from the program's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label(usize);

/// The program cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Longer than the kernel takes.
    #[error("the filter needs {size} instructions, the kernel takes {max}", max = Program::MAX)]
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
    /// The nearest return of each value.
    returns: HashMap<u32, Label>,
}

impl Builder {
    /// The largest distance that a conditional jump can hold once its two targets were brought
    /// near: each may have cost one instruction in between.
    const REACH: usize = u8::MAX as usize - 2;

    /// Ends the program with a value; equal ends are shared while they are near.
    pub fn ret(&mut self, value: u32) -> Label {
        if let Some(&label) = self.returns.get(&value)
            && self.distance(label) <= Self::REACH
        {
            return label;
        }
        let label = self.write(Instruction::Return(value));
        self.returns.insert(value, label);
        label
    }

    /// Loads a field, keeps the bits of `mask`, goes on at `next`.
    pub fn load(&mut self, field: Field, mask: u32, next: Label) -> Label {
        self.fall_through(next);
        if mask != u32::MAX {
            self.write(Instruction::And(mask));
        }
        self.write(Instruction::Load(field))
    }

    /// Compares the accumulator with `operand` and goes on at `holds` or at `fails`.
    pub fn branch(
        &mut self,
        comparison: Comparison,
        operand: u32,
        [holds, fails]: [Label; 2],
    ) -> Label {
        if holds == fails {
            return holds;
        }
        let (holds, fails) = (self.near(holds), self.near(fails));
        let branch = Instruction::Branch {
            comparison,
            operand,
            holds: self.short_distance(holds),
            fails: self.short_distance(fails),
        };
        self.write(branch)
    }

    /// The program that starts at `entry`.
    ///
    /// # Errors
    /// It is longer than the kernel takes.
    pub fn finish(mut self, entry: Label) -> Result<Program, BuildError> {
        self.fall_through(entry);
        self.reversed.reverse();
        Program::new(self.reversed).map_err(|size| BuildError::TooLong { size })
    }

    fn write(&mut self, instruction: Instruction) -> Label {
        self.reversed.push(instruction);
        Label(self.reversed.len() - 1)
    }

    /// How many instructions stand between the next one to be written and `label`.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - 1 - label.0
    }

    fn short_distance(&self, label: Label) -> u8 {
        u8::try_from(self.distance(label)).expect("`near` keeps targets within 8 bits")
    }

    /// Makes `label` the instruction that follows the next one to be written.
    fn fall_through(&mut self, label: Label) {
        match self.distance(label) {
            0 => {}
            distance => drop(self.write(self.towards(label, distance))),
        }
    }

    /// A place within the reach of a conditional jump from where the way leads to `label`.
    fn near(&mut self, label: Label) -> Label {
        match self.distance(label) {
            0..=Self::REACH => label,
            distance => self.write(self.towards(label, distance)),
        }
    }

    /// A far return is repeated, which costs the same instruction and saves a step.
    fn towards(&self, label: Label, distance: usize) -> Instruction {
        match self.reversed[label.0] {
            Instruction::Return(value) => Instruction::Return(value),
            // A program holds 4096 instructions, so the distance fits.
            _ => Instruction::Jump(u32::try_from(distance).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::{SeccompData, interpret};

    fn data(number: u32) -> SeccompData {
        SeccompData { number, ..SeccompData::default() }
    }

    /// A chain of comparisons so long that both ways of its first tests are far.
    fn chain(length: u32) -> Program {
        let mut builder = Builder::default();
        let mut next = builder.ret(u32::MAX);
        for number in (0..length).rev() {
            let found = builder.ret(number % 7);
            let test = builder.branch(Comparison::Equal, number, [found, next]);
            next = builder.load(Field::Number, u32::MAX, test);
        }
        builder.finish(next).expect("below the limit")
    }

    #[test]
    fn long_chains_answer_right() {
        let program = chain(1000);
        for number in 0..1000 {
            assert_eq!(interpret(&program, &data(number)), Ok(number % 7));
        }
        assert_eq!(interpret(&program, &data(1000)), Ok(u32::MAX));
    }

    #[test]
    fn far_targets_are_reached_both_ways() {
        let mut builder = Builder::default();
        let returned = builder.ret(9);
        let [left, right] = [1, 2].map(|bit| {
            let other = builder.ret(bit);
            let test = builder.branch(Comparison::AnyBit, bit, [other, returned]);
            builder.load(Field::Low(0), u32::MAX, test)
        });
        let mut entry = builder.ret(3);
        for number in 0..300 {
            let found = builder.branch(Comparison::Equal, 1000 + number, [entry, returned]);
            entry = builder.load(Field::Number, 0xffff, found);
        }
        let fork = builder.branch(Comparison::Greater, 5, [left, right]);
        let entry = builder.load(Field::Number, u32::MAX, fork);
        let program = builder.finish(entry).expect("below the limit");
        let argument = |number, value| SeccompData {
            number,
            arguments: [value, 0, 0, 0, 0, 0],
            ..SeccompData::default()
        };
        assert_eq!(interpret(&program, &argument(6, 1)), Ok(1));
        assert_eq!(interpret(&program, &argument(6, 2)), Ok(9));
        assert_eq!(interpret(&program, &argument(5, 2)), Ok(2));
    }

    #[test]
    fn a_program_that_is_too_long_names_its_size() {
        let mut builder = Builder::default();
        let mut next = builder.ret(0);
        for _ in 0..4096 {
            next = builder.load(Field::Number, u32::MAX, next);
        }
        assert_eq!(builder.finish(next), Err(BuildError::TooLong { size: 4097 }));
    }

    #[test]
    fn a_branch_with_one_outcome_is_no_branch() {
        let mut builder = Builder::default();
        let end = builder.ret(0);
        assert_eq!(builder.branch(Comparison::Equal, 1, [end, end]), end);
    }
}
