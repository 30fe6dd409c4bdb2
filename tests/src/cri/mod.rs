//! Kubernetes without a cluster: the engine of a node, driven as the kubelet drives it.

pub mod api;
pub mod client;
pub mod image;
pub mod node;
pub mod pod;

pub use node::Node;
pub use pod::{Pod, PodContainer};
