//! Objects of one resource, as pages and watches bring them.

use serde::{Deserialize, Serialize};

use crate::facts::dra::{ClaimFacts, ClassFacts, RuleFacts, SliceFacts};
use crate::facts::lease::LeaseFacts;
use crate::facts::node::NodeFacts;
use crate::facts::object::ApiObject;
use crate::facts::pod::PodBatch;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::resource::Resource;

/// Objects of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Batch {
    /// Nodes in order.
    Nodes(Vec<NodeChange>),
    /// Pods in order, each present or gone.
    Pods(PodBatch),
    /// Leases in order.
    Leases(Vec<KeptChange<LeaseFacts>>),
    /// Slices in order.
    Slices(Vec<KeptChange<SliceFacts>>),
    /// Claims in order.
    Claims(Vec<KeptChange<ClaimFacts>>),
    /// Device classes in order.
    Classes(Vec<KeptChange<ClassFacts>>),
    /// Device taint rules in order.
    Rules(Vec<KeptChange<RuleFacts>>),
}

impl Batch {
    /// A batch without objects.
    #[must_use]
    pub fn empty(resource: Resource) -> Self {
        match resource {
            Resource::Nodes => Self::Nodes(Vec::new()),
            Resource::Pods => Self::Pods(PodBatch::default()),
            Resource::Leases => Self::Leases(Vec::new()),
            Resource::Slices => Self::Slices(Vec::new()),
            Resource::Claims => Self::Claims(Vec::new()),
            Resource::Classes => Self::Classes(Vec::new()),
            Resource::Rules => Self::Rules(Vec::new()),
        }
    }

    /// Number of objects in it.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Nodes(nodes) => nodes.len(),
            Self::Pods(pods) => pods.len(),
            Self::Leases(leases) => leases.len(),
            Self::Slices(slices) => slices.len(),
            Self::Claims(claims) => claims.len(),
            Self::Classes(classes) => classes.len(),
            Self::Rules(rules) => rules.len(),
        }
    }

    /// No objects at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An object of an API that a cluster need not have that is there, or one that went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum KeptChange<T> {
    /// The object as it is now.
    Present(Box<ApiObject<T>>),
    /// The object was deleted.
    Gone {
        /// `namespace/name`, or the bare name.
        key: Clean,
        /// Its uid.
        uid: Uid,
        /// The resourceVersion of the deletion.
        version: u64,
    },
}

/// A node that is there, or one that went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NodeChange {
    /// The node as it is now.
    Present(Box<NodeFacts>),
    /// The node was deleted.
    Gone {
        /// Its name.
        name: Clean,
        /// Its uid.
        uid: Uid,
        /// The resourceVersion of the deletion.
        version: u64,
    },
}
