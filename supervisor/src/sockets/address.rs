//! A socket address as the caller gave it.

use crate::caller::Caller;
use crate::notification::Denial;
use crate::worker::Worker;
use policy::sockaddr::print_sockaddr;

/// The bytes of a `sockaddr` and what rules see of it.
#[derive(Debug)]
pub struct Address {
    /// As the caller gave it.
    pub bytes: Vec<u8>,
    /// As `sockaddr` rules compare it.
    pub printed: Vec<u8>,
}

impl Address {
    /// Takes an address.
    ///
    /// # Errors
    /// As [`crate::resolve::resolve`], if it is a file name.
    pub fn read(_: &mut Worker, _: &Caller<'_>, bytes: Vec<u8>) -> Result<Self, Denial> {
        let printed = print_sockaddr(&bytes);
        Ok(Self { bytes, printed })
    }
}
