//! A thread that serves one listener.

use crate::identity::Identity;
use crate::listener::Listener;
use std::sync::Arc;

/// What one serving thread owns.
#[derive(Debug)]
pub struct Worker {
    /// The listener that it serves.
    pub listener: Arc<Listener>,
    /// Whose credentials and root this thread has taken on.
    pub identity: Identity,
}
