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
    /// Which object.
    pub subject: ObjectRef,
    /// Form of the YAML that is requested.
    pub yaml: Yaml,
}

/// Form in which the YAML of an object is wanted. The body of the object is held only while it is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Yaml {
    /// Not at all.
    #[default]
    Unwanted,
    /// With values masked that a Secret may hold.
    Masked,
    /// With all values.
    Clear,
}

impl Yaml {
    /// It is wanted in one of its forms.
    #[must_use]
    pub fn is_wanted(self) -> bool {
        self != Self::Unwanted
    }
}

/// Update of the opened object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetailUpdate {
    /// The object; updates of an object that is no longer shown mean nothing.
    pub subject: ObjectRef,
    /// The news.
    pub news: Detail,
}

/// Events that exist and are not in the update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omitted {
    /// There are more than those in the update.
    pub more: bool,
    /// So many could not be read.
    pub unreadable: u32,
}

/// Detail of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detail {
    /// A pod as it is now.
    Pod(Box<PodDetail>),
    /// The object as YAML, as it is now.
    Document(YamlDocument),
    /// The object is not there: it was deleted, or never was.
    Gone,
    /// All its events as they are now, newest first, a bounded number.
    Events {
        /// The newest ones.
        events: Vec<EventFacts>,
        /// Events that are omitted.
        omitted: Omitted,
    },
    /// State of one part.
    Sync {
        /// Which part.
        part: DetailPart,
        /// The state: reading is `Listing`.
        state: SyncState,
    },
    /// An event came on a watch: that part is current.
    Alive {
        /// Which part.
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
