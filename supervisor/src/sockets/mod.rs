//! connect(2), bind(2), sendto(2): performed on a duplicate of the caller's socket with the address that was judged.

use crate::handlers::Row;

pub mod address;

/// The calls of this family.
pub const HANDLERS: &[Row] = &[];
