//! The opened object: the request of the model, and the updates that follow.

use serde::{Deserialize, Serialize};

use crate::facts::document::YamlDocument;
use crate::facts::event::EventFacts;
use crate::facts::pod::PodDetail;
use crate::facts::text::Clean;
use crate::resource::Resource;

use super::SyncState;

/// The opened object of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ObjectRef {
    /// A node.
    Node {
        /// Its name.
        name: Clean,
    },
    /// A pod.
    Pod {
        /// Its namespace.
        namespace: Clean,
        /// Its name.
        name: Clean,
    },
}

impl ObjectRef {
    /// Its name, without a namespace.
    #[must_use]
    pub fn name(&self) -> &Clean {
        match self {
            Self::Node { name } | Self::Pod { name, .. } => name,
        }
    }

    /// Its resource.
    #[must_use]
    pub fn resource(&self) -> Resource {
        match self {
            Self::Node { .. } => Resource::Nodes,
            Self::Pod { .. } => Resource::Pods,
        }
    }

    /// `node n1`, `pod train/llm-0`.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Node { name } => format!("node {name}"),
            Self::Pod { namespace, name } => format!("pod {namespace}/{name}"),
        }
    }
}

/// Request to watch one object in detail: its events always; of a pod its detail too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchDetail {
    /// The object.
    pub subject: ObjectRef,
    /// Form of the YAML that is requested.
    pub yaml: Yaml,
}

/// Form in which the YAML of an object is requested. The body of the object is kept only while it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Yaml {
    /// No YAML is requested.
    #[default]
    NotRequested,
    /// Values that may come from a Secret are masked.
    Masked,
    /// All values are shown.
    Clear,
}

impl Yaml {
    /// Returns `true` if YAML is requested.
    #[must_use]
    pub fn is_requested(self) -> bool {
        self != Self::NotRequested
    }
}

/// Update of the opened object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetailUpdate {
    /// The object; updates of an object that is no longer open are ignored.
    pub subject: ObjectRef,
    /// The update.
    pub news: Detail,
}

/// Events that exist but are missing in the update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omitted {
    /// `true` if there are more than the bounded number in the update.
    pub more: bool,
    /// Number of events that could not be read.
    pub unreadable: u32,
}

/// Detail of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detail {
    /// A pod as it is now.
    Pod(Box<PodDetail>),
    /// The object as YAML, as it is now.
    Document(YamlDocument),
    /// The object does not exist, or no longer.
    Gone,
    /// All its current events, newest first, up to a bounded number.
    Events {
        /// The newest ones.
        events: Vec<EventFacts>,
        /// Events that are omitted.
        omitted: Omitted,
    },
    /// State of one part.
    Sync {
        /// The part.
        part: DetailPart,
        /// The state: reading is `Listing`.
        state: SyncState,
    },
    /// An event came on a watch: that part is current.
    Alive {
        /// The part.
        part: DetailPart,
    },
}

/// The parts that are requested separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DetailPart {
    /// The object itself.
    Object,
    /// Its events.
    Events,
}
