//! How a listener comes from the container to the supervisor.
//!
//! One packet per message on a `SOCK_SEQPACKET` socket, so that two messages never run into one another:
//!
//! | from the client | descriptor | answer | descriptor |
//! |---|---|---|---|
//! | `filter` | | `filter` | memory file with the program |
//! | `ruleset` | | `ruleset` | the Landlock ruleset, if there is one |
//! | `fenced` | the Landlock ruleset | `noted` | |
//! | `unfenced REASON` | | `noted` | |
//! | `join` | the listener | `joined` | |
//! | anything | | `error TEXT` | |
//!
//! The sockets belong to the runtime: they are opened on the host by root, passed on by inheritance only, and closed by execve. The
//! workload never holds one.

pub mod client;
pub mod packet;
pub mod server;
pub mod walls;

pub use client::{Client, HandOffError, install_and_hand_over};
pub use server::{Server, ServerError};
pub use walls::Walls;
