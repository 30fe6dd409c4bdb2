//! How a policy is enforced: `PolicySet` × [`Host`](host::Host) → `Plan` → seccomp BPF or OCI
//! seccomp JSON, and what is left for the supervisor.
//!
//! Everything here but [`load`] is pure: the host is an argument, so the same policy gives the same
//! bytes on any machine.
#![forbid(unsafe_code)]

pub mod advice;
pub mod bpf;
pub mod bundle;
pub mod ebpf;
pub mod host;
pub mod landlock;
pub mod load;
pub mod plan;
pub mod seccomp;
pub mod sockets;
pub mod spec;
