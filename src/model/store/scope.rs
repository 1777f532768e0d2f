//! Scope of the pods: the whole cluster, or some namespaces, each with a list of its own (F23).

use std::time::Duration;

use super::sync::{Freshness, Track};
use crate::facts::text::Clean;
use crate::model::known::Known;
use crate::msg::{Failure, Now, SyncState};

/// Pods of a cluster that are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The namespaces; empty for the whole cluster.
    pub namespaces: Vec<Clean>,
    /// Namespace for advice to the operator: that of the kubeconfig's context.
    pub example: Option<Clean>,
}

/// Scope of the pods if only a part of the cluster is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The namespaces that are watched.
    pub namespaces: Vec<Clean>,
    /// Those of them whose pods may not be listed.
    pub denied: Vec<Clean>,
}

/// Maximum number of names in [`Partial::names`].
const NAMES: usize = 3;

impl Partial {
    /// `2 namespaces`; of them `1 of 2 namespaces` if pods of the other may not be listed.
    #[must_use]
    pub fn count(&self) -> String {
        let all = self.namespaces.len();
        let noun = if all == 1 { "namespace" } else { "namespaces" };
        match self.denied.len() {
            0 => format!("{all} {noun}"),
            denied => format!("{} of {all} {noun}", all.saturating_sub(denied)),
        }
    }

    /// `only pods of train, web and 2 more, none of data (403)`.
    #[must_use]
    pub fn names(&self) -> String {
        let seen: Vec<&Clean> = self.namespaces.iter().filter(|name| !self.denied.contains(name)).collect();
        let denied: Vec<&Clean> = self.denied.iter().collect();
        match (seen.is_empty(), denied.is_empty()) {
            (_, true) => format!("only pods of {}", list(&seen)),
            (true, _) => format!("no pods of {} (403)", list(&denied)),
            (false, false) => format!("only pods of {}, none of {} (403)", list(&seen), list(&denied)),
        }
    }
}

/// `train, web and 2 more`.
fn list(names: &[&Clean]) -> String {
    let first: Vec<&str> = names.iter().take(NAMES).map(|name| &***name).collect();
    match names.len().saturating_sub(NAMES) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// The lists of pods: one of the whole cluster, or one for each namespace.
#[derive(Debug)]
pub(crate) struct PodTracks {
    scope: Scope,
    /// One for each namespace, or a single one.
    tracks: Vec<Track>,
}

impl Default for PodTracks {
    fn default() -> Self {
        Self::of(Scope::default())
    }
}

impl PodTracks {
    pub(crate) fn of(scope: Scope) -> Self {
        let tracks = (0..scope.namespaces.len().max(1)).map(|_| Track::default()).collect();
        Self { scope, tracks }
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The scope, if only a part of the cluster is watched.
    pub(crate) fn partial(&self) -> Option<Partial> {
        let denied = self.named().filter(|(_, track)| matches!(track.state(), Some(SyncState::Denied { .. })));
        let denied = denied.filter_map(|(name, _)| name.cloned()).collect();
        (!self.scope.namespaces.is_empty()).then(|| Partial { namespaces: self.scope.namespaces.clone(), denied })
    }

    /// The list of one part, by its index.
    pub(crate) fn part_mut(&mut self, part: usize) -> Option<&mut Track> {
        self.tracks.get_mut(part)
    }

    /// Each list with its namespace.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Option<&Clean>, &Track)> {
        let names = self.scope.namespaces.iter().map(Some).chain(std::iter::repeat(None));
        names.zip(&self.tracks)
    }

    /// Returns `true` if every list is complete.
    pub(crate) fn complete(&self) -> bool {
        self.tracks.iter().all(Track::complete)
    }

    /// Returns `true` if waiting brings nothing more.
    pub(crate) fn settled(&self) -> bool {
        self.tracks.iter().all(|track| track.complete() || track.denied())
    }

    /// Returns `true` if nothing was ever read because all lists are forbidden.
    pub(crate) fn denied(&self) -> bool {
        self.tracks.iter().all(Track::denied)
    }

    /// Returns `true` if some list is forbidden.
    pub(crate) fn any_denied(&self) -> bool {
        self.tracks.iter().any(Track::denied)
    }

    /// Stops all lists, for this reason.
    pub(crate) fn exceed(&mut self, failure: &Failure) {
        self.tracks.iter_mut().for_each(|track| track.exceed(failure.clone()));
    }

    pub(crate) fn unreadable(&self) -> u32 {
        self.tracks.iter().map(Track::unreadable).fold(0, u32::saturating_add)
    }

    /// Objects of the last lists that could not be read.
    pub(crate) fn unread(&self) -> u32 {
        self.tracks.iter().map(Track::unread).fold(0, u32::saturating_add)
    }

    pub(crate) fn slept(&mut self, now: Now) {
        self.tracks.iter_mut().for_each(|track| track.slept(now));
    }

    /// `value`, as far as it is known: the number of some namespaces is a lower bound for the cluster.
    pub(crate) fn known<T>(&self, value: T) -> Known<T> {
        if let ([track], true) = (&*self.tracks, self.scope.namespaces.is_empty()) {
            return track.known(value);
        }
        if self.denied() {
            Known::Denied
        } else if self.tracks.iter().any(|track| track.known(()).any().is_some()) {
            Known::AtLeast(value)
        } else {
            Known::Unknown
        }
    }

    /// The failure, if a list or watch is lost; a retry explains more than a 403.
    pub(crate) fn lost(&self) -> Option<&Failure> {
        let lost = |track: &&Track| track.lost().is_some();
        let first = self.listed().find(lost).or_else(|| self.tracks.iter().find(lost));
        first.and_then(Track::lost)
    }

    /// Time since the last freshness proof of the part that has been silent the longest.
    pub(crate) fn age(&self, now: Now) -> Option<Duration> {
        self.listed().map(|track| track.age(now)).reduce(|a, b| Some(a?.max(b?))).flatten()
    }

    /// Freshness of all parts together: that of the worst; forbidden lists count only if all are forbidden.
    pub(crate) fn freshness(&self, stale_after: Duration, now: Now) -> Freshness {
        let parts = self.listed().map(|track| track.freshness(stale_after, now));
        parts.reduce(|a, b| worse(&a, &b)).unwrap_or(Freshness::Denied)
    }

    /// Lists that are not forbidden, as far as is known.
    fn listed(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| !track.denied())
    }
}

/// Freshness of two parts together.
fn worse(a: &Freshness, b: &Freshness) -> Freshness {
    use Freshness::{Denied, Live, Loading, Never, Polling, Relisting, Stale};

    let age = |fresh: &Freshness| match fresh {
        Live(age) | Polling(age) | Stale(age) | Relisting { age, .. } => *age,
        Never | Loading { .. } | Denied => Duration::ZERO,
    };
    let so_far = |fresh: &Freshness| match fresh {
        Loading { objects, page, .. } | Relisting { objects, page, .. } => (*objects, *page),
        _ => (0, 0),
    };
    let (oldest, objects, page) = (age(a).max(age(b)), so_far(a).0 + so_far(b).0, so_far(a).1 + so_far(b).1);
    match (a, b) {
        (Never, Never) => Never,
        // The remaining count is unknown for a part that has not begun.
        (Never | Loading { .. }, _) | (_, Never | Loading { .. }) => Loading { objects, page, remaining: None },
        (Stale(_), _) | (_, Stale(_)) => Stale(oldest),
        (Relisting { .. }, _) | (_, Relisting { .. }) => Relisting { objects, age: oldest, page },
        (Polling(_), _) | (_, Polling(_)) => Polling(oldest),
        (Live(_), _) | (_, Live(_)) => Live(oldest),
        (Denied, Denied) => Denied,
    }
}

#[cfg(test)]
mod tests;
