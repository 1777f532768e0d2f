//! Values derived from the stores: joins, histories, latencies, usage, devices and capacity.

pub mod black_holes;
pub mod claims;
pub(in crate::model) mod density;
pub mod device_chain;
pub(crate) mod device_conditions;
pub mod dra;
pub mod fit;
pub mod gangs;
pub mod gpus;
pub mod history;
pub mod hits;
pub(in crate::model) mod join;
pub(in crate::model) mod joined_node;
pub mod latency;
pub mod placement;
pub mod pod_groups;
pub(in crate::model) mod queues;
pub mod rows;
pub mod server;
pub(in crate::model) mod totals;
pub mod trouble;
pub mod usage;
mod xid;
