//! Stores of a cluster: pods, nodes, objects of optional APIs, and the state of each list.

pub(in crate::model) mod budget;
pub(in crate::model) mod change_set;
pub(in crate::model) mod chunks;
pub(in crate::model) mod index;
pub mod nodes;
pub(in crate::model) mod objects;
pub mod optional;
pub mod pods;
pub mod queues;
pub mod scope;
pub mod sync;
pub mod tracks;
pub(in crate::model) mod versions;

use nodes::NodeStore;
use pods::PodStore;

/// The two stores that are joined by the name of the node.
#[derive(Clone, Copy)]
pub(crate) struct Stores<'a> {
    pub(crate) nodes: &'a NodeStore,
    pub(crate) pods: &'a PodStore,
}
