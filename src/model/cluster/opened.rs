//! The one object of this cluster that is looked at closely.

use super::ClusterState;
use crate::facts::wire::Uid;
use crate::model::cluster::detail::{DetailState, LinkNow, PartFreshness};
use crate::msg::Now;
use crate::msg::detail::{DetailPart, DetailUpdate, ObjectRef, Yaml};

impl ClusterState {
    /// What is known of the object that is looked at closely; `None` if none is.
    #[must_use]
    pub fn inspected(&self) -> Option<&DetailState> {
        self.inspected.as_ref()
    }

    /// How fresh one part of it is.
    #[must_use]
    pub fn inspected_freshness(&self, part: DetailPart, now: Now) -> Option<PartFreshness<'_>> {
        Some(self.inspected.as_ref()?.freshness(part, &self.link_now(now), now))
    }

    /// Looks closely at `subject` from now on, or at nothing; what was known of another object is forgotten.
    pub(crate) fn inspect(&mut self, subject: Option<&ObjectRef>, yaml: Yaml, uid: Option<Uid>) {
        if self.inspected.as_ref().map(DetailState::subject) != subject {
            self.inspected = subject.map(|subject| DetailState::new(subject.clone(), uid));
        }
        if let Some(inspected) = &mut self.inspected {
            inspected.want_yaml(yaml);
        }
    }

    pub(super) fn found(&mut self, finding: DetailUpdate, now: Now) {
        let link = self.link_now(now);
        if let Some(inspected) = self.inspected.as_mut().filter(|known| *known.subject() == finding.subject) {
            inspected.take(finding.news, &link, now);
        }
    }

    fn link_now(&self, now: Now) -> LinkNow {
        LinkNow { answered: self.link.answered, silent: self.unreachable(now).is_some() }
    }
}
