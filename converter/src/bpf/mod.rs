//! Classic BPF as seccomp(2) runs it: instructions, a builder whose jumps cannot go wrong, an
//! interpreter.

mod builder;
mod depth;
mod instruction;
mod interpreter;

pub use builder::{BuildError, Builder, Label};
pub use depth::depth;
pub use instruction::{Comparison, DecodeError, Field, Instruction, Program};
pub use interpreter::{Fault, SeccompData, interpret};
