//! execve(2) and execveat(2).

use crate::handlers::Row;

/// The calls of this family.
pub const HANDLERS: &[Row] = &[];

/// Proof that the caller is traced and that what its execve loads will be compared before it runs.
#[derive(Debug)]
pub struct Watched(());
