//! Lists of the core resources: nodes, and the pods of the whole cluster or of some namespaces.

use std::time::Duration;

use super::scope::{Partial, PodTracks, Scope};
use super::sync::{Freshness, Track};
use crate::facts::text::Clean;
use crate::model::known::Known;
use crate::msg::{Failure, Now, Resource};

/// State of the lists and watches of nodes and pods.
#[derive(Debug, Default)]
pub struct CoreTracks {
    pub(crate) nodes: Track,
    pub(crate) pods: PodTracks,
}

impl CoreTracks {
    /// Creates the tracks of a cluster with this scope of pods.
    pub(crate) fn of(scope: Scope) -> Self {
        Self { nodes: Track::default(), pods: PodTracks::of(scope) }
    }

    /// The tracks of nodes and pods, those of a namespace with its name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Resource, Option<&Clean>, &Track)> {
        let pods = self.pods.named().map(|(name, track)| (Resource::Pods, name, track));
        std::iter::once((Resource::Nodes, None, &self.nodes)).chain(pods)
    }

    /// Track of the nodes, or of one part of the pods; optional resources have tracks of their own.
    pub(crate) fn get_mut(&mut self, resource: Resource, part: usize) -> Option<&mut Track> {
        if resource == Resource::Nodes { Some(&mut self.nodes) } else { self.pods.part_mut(part) }
    }

    /// Returns `true` once nodes and pods are complete.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.nodes.complete() && self.pods.complete()
    }

    /// Returns `true` if waiting brings nothing more: each list is complete or forbidden.
    pub(crate) fn settled(&self) -> bool {
        (self.nodes.complete() || self.nodes.denied()) && self.pods.settled()
    }

    /// Returns `true` if each list of pods is complete or forbidden.
    pub(crate) fn settled_pods(&self) -> bool {
        self.pods.settled()
    }

    /// Returns `true` while something of a list or watch has failed and not recovered.
    pub(crate) fn any_lost(&self) -> bool {
        self.all().any(|(.., track)| track.lost().is_some())
    }

    /// Freshness of nodes or pods; optional resources have tracks of their own.
    pub(crate) fn freshness(&self, resource: Resource, stale_after: Duration, now: Now) -> Freshness {
        match resource {
            Resource::Nodes => self.nodes.freshness(stale_after, now),
            Resource::Pods => self.pods.freshness(stale_after, now),
            _ => Freshness::Never,
        }
    }

    /// Scope of the pods, if only a part of the cluster is watched: their numbers are lower bounds then (F23).
    #[must_use]
    pub fn partial(&self) -> Option<Partial> {
        self.pods.partial()
    }

    /// Namespaces whose pods are watched, with their freshness and the number of pods that could not be read; none if all pods
    /// are listed together.
    pub fn namespaces(&self, stale_after: Duration, now: Now) -> impl Iterator<Item = (&Clean, Freshness, u32)> {
        let fresh = move |track: &Track| track.freshness(stale_after, now);
        self.pods.named().filter_map(move |(name, track)| Some((name?, fresh(track), track.unread())))
    }

    /// Returns `true` if every node is known: the list is complete, and all of it could be read.
    #[must_use]
    pub fn knows_all_nodes(&self) -> bool {
        self.nodes.known(()).exact().is_some()
    }

    /// A number that is counted over nodes and their pods, as far as it is known.
    pub(crate) fn counted<T>(&self, number: T) -> Known<T> {
        let known = self.pods.known(number);
        if self.knows_all_nodes() { known } else { known.at_least() }
    }

    /// Nodes of their last list that could not be read: the number of nodes is a lower bound then.
    #[must_use]
    pub fn unread_nodes(&self) -> u32 {
        self.nodes.unread()
    }

    /// Pods of their last lists that could not be read.
    #[must_use]
    pub fn unread_pods(&self) -> u32 {
        self.pods.unread()
    }

    /// Nodes that could not be read since their last list began.
    #[must_use]
    pub fn unreadable_nodes(&self) -> u32 {
        self.nodes.unreadable()
    }

    /// Pods that could not be read since their last list began.
    #[must_use]
    pub fn unreadable_pods(&self) -> u32 {
        self.pods.unreadable()
    }

    /// Ends all lists, since there are more objects than the budget allows.
    pub(crate) fn exceed(&mut self, failure: Failure) {
        self.pods.exceed(&failure);
        self.nodes.exceed(failure);
    }

    /// Applies a sleep of the machine, after which all data is old, whatever its age.
    pub(crate) fn slept(&mut self, now: Now) {
        self.nodes.slept(now);
        self.pods.slept(now);
    }
}
