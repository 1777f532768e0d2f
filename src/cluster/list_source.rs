//! The source of a list: all of a resource, or the objects of one namespace (F23).

use std::sync::Arc;

use crate::msg::{ClusterEvent, Resource};

/// A resource and the path where it is listed and watched.
#[derive(Clone, Debug)]
pub(super) struct ListSource {
    pub(super) resource: Resource,
    pub(super) path: Arc<str>,
    /// Index of its namespace among the watched ones; `None` where all namespaces are listed together.
    pub(super) index: Option<u16>,
    /// The listed objects, in words: `pods in team-a`.
    pub(super) what: Arc<str>,
}

impl ListSource {
    /// Source of all objects of a resource.
    pub(super) fn all(resource: Resource, path: &str) -> Self {
        Self { resource, path: path.into(), index: None, what: resource.name().into() }
    }

    /// Source of the pods of one namespace, whose name is a DNS label and needs no encoding.
    pub(super) fn pods_in(namespace: &str, index: u16) -> Self {
        let resource = Resource::Pods;
        Self {
            resource,
            path: resource.list_path_in(namespace).into(),
            index: Some(index),
            what: format!("{} in {namespace}", resource.name()).into(),
        }
    }

    /// Addresses an event of the list or the watch to its namespace; others stay as they are.
    pub(super) fn address(&self, event: ClusterEvent) -> ClusterEvent {
        match (self.index, &event) {
            (
                Some(index),
                ClusterEvent::ListStarted { .. }
                | ClusterEvent::Page { .. }
                | ClusterEvent::ListFinished { .. }
                | ClusterEvent::Changes { .. }
                | ClusterEvent::Sync { .. }
                | ClusterEvent::Alive { .. },
            ) => ClusterEvent::Namespaced { index, event: Box::new(event) },
            _ => event,
        }
    }
}
