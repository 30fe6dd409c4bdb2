//! The file families on the real kernel: a victim in a small container makes the same calls with and without supervision.

mod guard;
mod same_as_native;
mod sys;
mod victim;
mod world;
