//! Several watches that are cut within a minute are one event: servers behind a load balancer restart one after the other (F52).

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::facts::text::Clean;
use crate::msg::{Failure, Layer, Mono, Resource};

/// A rolling control plane resets all watches within a minute (docs/faults.md, F52).
const TOGETHER: Duration = Duration::from_secs(60);
/// Request of the grouped failure.
pub(super) const GROUP: &str = "watches";

/// The watches that were cut one after the other, each within a minute of the last.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    last: Option<Mono>,
    /// Times of the failures that are grouped.
    reported: BTreeSet<Timestamp>,
    cut: BTreeSet<Resource>,
    opened: BTreeSet<Resource>,
}

impl Cuts {
    /// Records a failure; returns one failure for all watches from the second one on.
    pub(super) fn record_failure(&mut self, failure: &Failure, now: Mono) -> Option<Failure> {
        let resource = resource(failure)?;
        if !self.is_near(now) {
            *self = Self::default();
        }
        self.last = Some(now);
        self.reported.insert(failure.at);
        self.cut.insert(resource);
        self.opened.remove(&resource);
        (self.cut.len() > 1).then(|| Failure { request: Clean::new(GROUP), text: self.text(), ..failure.clone() })
    }

    /// Records that the watch of `resource` is open again; returns the new text of the group, if there is one.
    pub(super) fn opened(&mut self, resource: Resource, now: Mono) -> Option<Clean> {
        let news = self.is_near(now) && self.cut.contains(&resource) && self.opened.insert(resource);
        (news && self.cut.len() > 1).then(|| self.text())
    }

    /// Returns `true` if the group covers `failure`.
    pub(super) fn covers(&self, failure: &Failure) -> bool {
        let ours = &*failure.request == GROUP || resource(failure).is_some();
        ours && self.reported.contains(&failure.at)
    }

    fn is_near(&self, now: Mono) -> bool {
        self.last.is_some_and(|last| now.since(last) <= TOGETHER)
    }

    fn text(&self) -> Clean {
        let (cut, opened) = (self.cut.len(), self.opened.len());
        Clean::new(&format!("control plane or load balancer restarting: {cut} watches cut, {opened} reconnected"))
    }
}

/// Resource of the watch that was cut; `None` for other failures, such as a passed deadline or a refusal.
fn resource(failure: &Failure) -> Option<Resource> {
    let cut = failure.layer == Layer::Body && !failure.timeout;
    let name = failure.request.strip_prefix("watch ").filter(|_| cut)?;
    Resource::from_plural(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn failure(request: &str, layer: Layer, second: i64) -> Failure {
        let text = Clean::new("the watch was cut: connection reset by the other side");
        Failure::new(at(second), layer, Clean::new(request), text)
    }

    fn now(second: i64) -> Mono {
        Mono(Duration::from_secs(u64::try_from(100 + second).unwrap()))
    }

    /// The line of `cuts` for a failure at that second.
    fn fails(cuts: &mut Cuts, request: &str, layer: Layer, second: i64) -> Option<Failure> {
        cuts.record_failure(&failure(request, layer, second), now(second))
    }

    #[test]
    fn f52_two_watches_cut_within_a_minute_are_one_line_that_counts_what_came_back() {
        let mut cuts = Cuts::default();
        assert!(fails(&mut cuts, "watch nodes", Layer::Body, 0).is_none(), "one watch is one failure");
        assert_eq!(cuts.opened(Resource::Nodes, now(1)), None);
        let line = fails(&mut cuts, "watch pods", Layer::Body, 40).unwrap();
        assert_eq!(&*line.request, "watches");
        assert_eq!(&*line.text, "control plane or load balancer restarting: 2 watches cut, 1 reconnected");
        let line = cuts.opened(Resource::Pods, now(42)).unwrap();
        assert_eq!(&*line, "control plane or load balancer restarting: 2 watches cut, 2 reconnected");
        assert_eq!(cuts.opened(Resource::Pods, now(43)), None, "told once");
        assert!(
            cuts.covers(&failure("watch nodes", Layer::Body, 0)) && cuts.covers(&failure("watches", Layer::Body, 40))
        );
        assert!(!cuts.covers(&failure("watch nodes", Layer::Body, 7)), "another story");
        assert!(!cuts.covers(&failure("list nodes", Layer::Body, 0)));
    }

    #[test]
    fn f52_watches_cut_far_apart_or_for_another_reason_stay_apart() {
        let mut cuts = Cuts::default();
        fails(&mut cuts, "watch nodes", Layer::Body, 0);
        assert!(fails(&mut cuts, "watch pods", Layer::Body, 61).is_none());
        assert!(fails(&mut cuts, "watch nodes", Layer::Connect, 62).is_none());
        assert!(fails(&mut cuts, "watch nodes", Layer::Watch, 62).is_none());
        assert!(fails(&mut cuts, "list nodes", Layer::Body, 62).is_none());
        let late = Failure { timeout: true, ..failure("watch nodes", Layer::Body, 62) };
        assert!(cuts.record_failure(&late, now(62)).is_none());
        assert!(fails(&mut cuts, "watch nodes", Layer::Body, 63).is_some());
    }
}
