//! A socket address as the caller gave it.

/// The bytes of a `sockaddr` and what rules see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As the kernel would copy it.
    pub bytes: Vec<u8>,
    /// As `sockaddr` rules compare it.
    pub printed: Vec<u8>,
}
