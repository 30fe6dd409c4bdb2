//! Calls that name files.

use crate::handlers::Row;

/// The calls of this family.
pub const HANDLERS: &[Row] = &[];
