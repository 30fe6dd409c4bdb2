//! Socket programs: eBPF on the container's control group that judges the addresses of connect(2) and bind(2) where the
//! kernel has copied them already, so that no other thread can change them any more.
//!
//! [`endpoints`] turns a comparison with `sockaddr` into sets of addresses and ports, if that says exactly the same;
//! [`rules()`] does so for the rules of a call; [`program`] writes them out; [`kinds`] tells whether the programs see every
//! socket that the policy lets be made.

pub mod admission;
pub mod endpoints;
pub mod hook;
pub mod kinds;
pub mod program;
pub mod refusal;
pub mod rules;

pub use admission::admitting;
pub use hook::Hook;
pub use program::{SocketProgram, programs};
pub use rules::{SocketRule, Tree, Verdict, rules};
