//! The same workload with and without supervision: it must not notice.

pub mod comparison;
pub mod ledger;
pub mod run;
pub mod workload;

pub use comparison::Comparison;
pub use ledger::Entry;
pub use run::{Run, play};
pub use workload::{WORKLOADS, Workload};

/// The policy that permits everything and has the supervisor look at it.
pub const POLICY: &str = "everything-supervised";

/// The image that the workloads run in.
pub const IMAGE: &str = "workloads";
