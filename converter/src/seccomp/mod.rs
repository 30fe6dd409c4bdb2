//! What seccomp(2) can decide: whole calls and the numbers in argument registers.

pub mod assemble;
pub mod cube;
pub mod engine;
pub mod filter;
pub mod gate;
pub mod intersect;
pub mod json;
pub mod known;

pub use assemble::{AssembleError, assemble};
pub use filter::{Action, Clause, Filter, Newer, RegisterTest, Relation};
pub use intersect::intersect;
