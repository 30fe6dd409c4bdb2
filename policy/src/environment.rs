//! What a policy needs to know of the container that it is bound to.

/// Answers about one container. Implementations do the I/O; this crate does none.
pub trait Environment {
    /// The value of `$HOME`, `$USER` or `$CWD` (the name comes without the dollar sign); `None` if
    /// there is none.
    fn variable(&self, name: &str) -> Option<Vec<u8>>;
    /// The number of a user in the container's passwd(5).
    fn user(&self, name: &str) -> Option<u32>;
    /// The number of a group in the container's group(5).
    fn group(&self, name: &str) -> Option<u32>;
    /// The name of a user number, for `uname`.
    fn user_name(&self, uid: u32) -> Option<Vec<u8>>;
    /// An absolute path with every symbolic link of its existing part resolved in the container's
    /// root. `None` when nothing changes.
    fn resolve(&self, path: &[u8]) -> Option<Vec<u8>>;
}

/// An environment that knows nothing: variables stay unresolved, names are unknown. For analysis
/// without a container.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Environment for Nowhere {
    fn variable(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn user(&self, _: &str) -> Option<u32> {
        None
    }
    fn group(&self, _: &str) -> Option<u32> {
        None
    }
    fn user_name(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
    fn resolve(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
