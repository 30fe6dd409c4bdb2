//! Runs a program as the kernel would, for tests.

use std::collections::HashMap;

use super::instruction::{Helper, Instruction, Map, Program, Register, Width};

/// What a program finds when it runs.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The context as programs see it (`struct bpf_sock_addr`, linux/bpf.h).
    pub context: Vec<u8>,
    /// The calling thread: process in the upper half, thread in the lower.
    pub pid_tgid: u64,
    /// [`Map::Entries`].
    pub entries: HashMap<u64, [u8; 24]>,
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What it returned: 1 lets the call through.
    pub returned: u64,
    /// The error that it set.
    pub retval: Option<i32>,
    /// What it wrote into the ring.
    pub written: Vec<Vec<u8>>,
}

/// The program did what the kernel's verifier would have refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It ran past its end.
    #[error("the program left its end")]
    End,
    /// It used memory that is not its own.
    #[error("the program used address {0:#x}")]
    Address(u64),
}

const CONTEXT: u64 = 1 << 40;
const STACK: u64 = 1 << 41;
const VALUE: u64 = 1 << 42;
const STACK_SIZE: u64 = 512;

/// Runs a program once; entries that it removes are gone from the surroundings.
///
/// # Errors
/// The kernel would not have loaded it.
pub fn interpret(program: &Program, around: &mut Surroundings) -> Result<Outcome, Fault> {
    let slots: Vec<Option<Instruction>> = program
        .instructions()
        .iter()
        .flat_map(|one| std::iter::once(Some(*one)).chain((1..one.slots()).map(|_| None)))
        .collect();
    let mut machine = Machine {
        registers: [0; 11],
        stack: [0; STACK_SIZE as usize],
        value: [0; 24],
        around,
        outcome: Outcome { returned: 0, retval: None, written: Vec::new() },
    };
    machine.set(Register::ARGUMENTS[0], CONTEXT);
    machine.set(Register::STACK, STACK + STACK_SIZE);
    let mut at = 0;
    // Jumps only go forward, so this ends.
    while let Some(slot) = slots.get(at) {
        at += 1;
        let Some(instruction) = *slot else { continue };
        match instruction {
            Instruction::Exit => {
                machine.outcome.returned = machine.get(Register::RESULT);
                return Ok(machine.outcome);
            }
            jump => at += machine.step(jump)?,
        }
    }
    Err(Fault::End)
}

struct Machine<'s> {
    registers: [u64; 11],
    stack: [u8; STACK_SIZE as usize],
    /// What was looked up last.
    value: [u8; 24],
    around: &'s mut Surroundings,
    outcome: Outcome,
}

impl Machine<'_> {
    fn get(&self, register: Register) -> u64 {
        self.registers[register.index()]
    }

    fn set(&mut self, register: Register, value: u64) {
        self.registers[register.index()] = value;
    }

    /// Carries an instruction out; gives the slots to jump over.
    fn step(&mut self, instruction: Instruction) -> Result<usize, Fault> {
        let taken = |holds: bool, distance: i16| if holds { distance as usize } else { 0 };
        match instruction {
            Instruction::Set(to, value) => self.set(to, i64::from(value) as u64),
            Instruction::Copy(to, from) => self.set(to, self.get(from)),
            Instruction::Add(to, value) => {
                self.set(to, self.get(to).wrapping_add_signed(value.into()));
            }
            Instruction::Subtract(to, from) => {
                self.set(to, self.get(to).wrapping_sub(self.get(from)));
            }
            Instruction::Negate(to) => self.set(to, self.get(to).wrapping_neg()),
            Instruction::FromNetwork(to, 16) => {
                self.set(to, u16::from_be(self.get(to) as u16).into());
            }
            Instruction::FromNetwork(to, _) => {
                self.set(to, u32::from_be(self.get(to) as u32).into());
            }
            Instruction::Load(width, to, place) => {
                let address = self.place(place);
                let mut bytes = [0; 8];
                let loaded = self.bytes(address, size(width))?;
                bytes[..loaded.len()].copy_from_slice(loaded);
                self.set(to, u64::from_ne_bytes(bytes));
            }
            Instruction::Store(width, place, from) => {
                let (address, value) = (self.place(place), self.get(from).to_ne_bytes());
                self.on_stack(address, size(width))?.copy_from_slice(&value[..size(width)]);
            }
            Instruction::Increment(..) => {}
            Instruction::LoadMap(to, map) => self.set(to, map as u64),
            Instruction::Branch(relation, left, right, distance) => {
                let left = self.get(left) & u64::from(u32::MAX);
                return Ok(taken(relation.holds(left, right.into()), distance));
            }
            Instruction::BranchIfNull(left, distance) => {
                return Ok(taken(self.get(left) == 0, distance));
            }
            Instruction::Jump(distance) => return Ok(taken(true, distance)),
            Instruction::Call(helper) => self.call(helper)?,
            Instruction::Exit => {}
        }
        Ok(0)
    }

    fn call(&mut self, helper: Helper) -> Result<(), Fault> {
        let [first, second, third, ..] = Register::ARGUMENTS.map(|register| self.get(register));
        let result = match helper {
            Helper::CurrentPidTgid => self.around.pid_tgid,
            // There is no kernel memory here.
            Helper::ProbeReadKernel => {
                self.on_stack(first, second as usize)?.fill(0);
                0
            }
            Helper::RingOutput => {
                let bytes = self.bytes(second, third as usize)?.to_vec();
                self.outcome.written.push(bytes);
                0
            }
            Helper::SetRetval => {
                self.outcome.retval = Some(first as i32);
                0
            }
            Helper::MapLookup if first == Map::Entries as u64 => {
                let found = self.around.entries.get(&self.key(second)?).copied();
                self.value = found.unwrap_or_default();
                found.map_or(0, |_| VALUE)
            }
            Helper::MapLookup => 0,
            Helper::MapDelete => {
                let missing = i64::from(-libc::ENOENT) as u64;
                let key = self.key(second)?;
                self.around.entries.remove(&key).map_or(missing, |_| 0)
            }
        };
        Register::ARGUMENTS.into_iter().for_each(|register| self.set(register, 0xdead));
        self.set(Register::RESULT, result);
        Ok(())
    }

    fn place(&self, (base, offset): (Register, i16)) -> u64 {
        self.get(base).wrapping_add_signed(offset.into())
    }

    fn key(&self, address: u64) -> Result<u64, Fault> {
        let bytes = self.bytes(address, size_of::<u64>())?.first_chunk();
        bytes.map(|bytes| u64::from_ne_bytes(*bytes)).ok_or(Fault::Address(address))
    }

    fn bytes(&self, address: u64, size: usize) -> Result<&[u8], Fault> {
        let (memory, start) = match address {
            CONTEXT..STACK => (&self.around.context[..], CONTEXT),
            VALUE.. => (&self.value[..], VALUE),
            _ => (&self.stack[..], STACK),
        };
        let at = address.wrapping_sub(start) as usize;
        memory.get(at..at.saturating_add(size)).ok_or(Fault::Address(address))
    }

    fn on_stack(&mut self, address: u64, size: usize) -> Result<&mut [u8], Fault> {
        let at = address.wrapping_sub(STACK) as usize;
        self.stack.get_mut(at..at.saturating_add(size)).ok_or(Fault::Address(address))
    }
}

fn size(width: Width) -> usize {
    match width {
        Width::Word => 4,
        Width::Double => 8,
    }
}
