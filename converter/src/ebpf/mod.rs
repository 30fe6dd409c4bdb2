//! eBPF as the kernel runs it on a control group's sockets: instructions, a builder whose jumps cannot go wrong, an
//! interpreter.

mod builder;
mod instruction;
mod interpreter;

pub use builder::{BuildError, Builder, Label};
pub use instruction::{Helper, Instruction, Map, Program, Register, Relation, Width};
pub use interpreter::{Fault, Outcome, Surroundings, interpret};
