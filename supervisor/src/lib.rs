//! Answers what the kernel asks: notification → event → decision → the call performed, or an errno.
//!
//! A filter that the `converter` made hands some calls of the container to a [`listener`]. For each of them a
//! [`worker`] reads the pointers once ([`request`]), asks the policy, and either denies or *performs* the call on what was
//! judged ([`handlers`]): the workload may rewrite its memory meanwhile, it changes nothing any more. The kernel performs a
//! call itself only for a reason that [`evidence`] can state.

pub mod agent;
pub mod arming;
pub mod assumed;
pub mod audit;
pub mod births;
pub mod blocking;
pub mod caller;
pub mod confinement;
pub mod constancy;
pub mod container;
pub mod daemon;
pub mod effects;
pub mod environment;
pub mod evidence;
pub mod exec;
pub mod fence;
pub mod files;
pub mod filter;
pub mod handlers;
pub mod handoff;
pub mod holder;
pub mod host;
pub mod identity;
pub mod idmap;
pub mod interrupted;
pub mod judge;
pub mod listener;
pub mod memory;
pub mod notification;
pub mod plain;
pub mod pool;
pub mod powers;
pub mod processes;
mod pulse;
pub mod reception;
pub mod record;
pub mod request;
mod resident;
pub mod resolve;
pub mod service;
pub mod siblings;
pub mod signals;
pub mod snapshot;
pub mod sockets;
pub mod status;
pub mod sys;
pub mod thread;
pub mod watch;
pub mod worker;

pub use confinement::{Confinement, Entry};
pub use daemon::run;
pub use filter::Filter;
pub use handlers::supervised_calls;
