//! How long a filter can take: the number of instructions on its longest way.

use crate::bpf::{Instruction, Program};

/// The most instructions that one call can cost. Jumps go forward only, so each instruction's way is known before those
/// ahead of it.
#[must_use]
pub fn depth(program: &Program) -> usize {
    let instructions = program.instructions();
    let mut ways = vec![0_usize; instructions.len()];
    for at in (0..instructions.len()).rev() {
        let behind = |over: u32| ways.get(at + 1 + over as usize).copied().unwrap_or_default();
        let rest = match instructions[at] {
            Instruction::Return(_) => 0,
            Instruction::Jump(over) => behind(over),
            Instruction::Branch { holds, fails, .. } => {
                behind(holds.into()).max(behind(fails.into()))
            }
            Instruction::Load(_) | Instruction::And(_) => behind(0),
        };
        ways[at] = 1 + rest;
    }
    ways.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::{Comparison, Field};

    #[test]
    fn the_longest_way_counts() {
        let branch = |holds, fails| Instruction::Branch {
            comparison: Comparison::Equal,
            operand: 1,
            holds,
            fails,
        };
        let program = Program::new(vec![
            Instruction::Load(Field::Number),
            branch(0, 2),
            Instruction::Jump(3),
            Instruction::Return(9),
            Instruction::Load(Field::Low(0)),
            branch(0, 1),
            Instruction::Return(1),
            Instruction::Return(2),
        ]);
        assert_eq!(depth(&program.expect("a short program")), 5);
    }
}
