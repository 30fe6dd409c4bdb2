//! The credentials, root and masks that a serving thread takes on to act as a caller would.

/// What the thread has taken on.
#[derive(Debug, Default)]
pub struct Identity {}
