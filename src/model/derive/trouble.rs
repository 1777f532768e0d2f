//! Class of a pod in trouble: its own trouble, the time, and the state of its node together.

use std::time::Duration;

use jiff::Timestamp;

use crate::facts::pod::{PodFacts, PodTrouble, TroubleKind};

/// A pod that starts, or that no scheduler has tried, is in trouble after this long.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A pod that is deleted is in trouble this long after its deadline, which allows for clocks that differ.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);

/// Class of trouble, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleClass {
    /// Its node does not report, or is gone.
    NodeLost,
    /// A device that it holds is unhealthy.
    DeviceUnhealthy,
    /// A container cannot be made or started.
    FailedStart,
    /// A container ends again and again.
    CrashLoop,
    /// An image cannot be pulled.
    ImagePull,
    /// It is past the deadline of its deletion.
    Overdue,
    /// It runs and is not ready.
    NotReady,
    /// The scheduler found no node for it.
    Unschedulable,
    /// A scheduling gate holds it.
    Gated,
    /// No scheduler has tried it.
    Unscheduled,
    /// It has a node and does not start.
    Starting,
}

impl TroubleClass {
    /// All classes, worst first.
    pub const ALL: [Self; 11] = [
        Self::NodeLost,
        Self::DeviceUnhealthy,
        Self::FailedStart,
        Self::CrashLoop,
        Self::ImagePull,
        Self::Overdue,
        Self::NotReady,
        Self::Unschedulable,
        Self::Gated,
        Self::Unscheduled,
        Self::Starting,
    ];

    /// The class in words, for the screen and for filters.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NodeLost => "node lost",
            Self::DeviceUnhealthy => "device unhealthy",
            Self::FailedStart => "failed start",
            Self::CrashLoop => "crash loop",
            Self::ImagePull => "image pull",
            Self::Overdue => "stuck terminating",
            Self::NotReady => "not ready",
            Self::Unschedulable => "unschedulable",
            Self::Gated => "gated",
            Self::Unscheduled => "not scheduled",
            Self::Starting => "not starting",
        }
    }

    /// Class of a pod at `now` by the server's clock; `None` if it is in no trouble. `node_lost`: its node does not report, or is gone.
    #[must_use]
    pub fn of(pod: &PodFacts<'_>, node_lost: bool, now: Timestamp) -> Option<Self> {
        if pod.phase.is_terminal() {
            return None;
        }
        if node_lost {
            return Some(Self::NodeLost);
        }
        let PodTrouble { kind, since, .. } = pod.trouble?;
        Self::of_kind(kind, since.map(|since| since.at).or(pod.created), now)
    }

    /// Class of a kind of trouble since `at`; `None` if that is so short that it does not count yet.
    #[must_use]
    pub(crate) fn of_kind(kind: TroubleKind, at: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        // A deadline that lies ahead has not been passed.
        let age = at.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO));
        let lasts = |limit| age.is_none_or(|age| age >= limit);
        Some(match kind {
            TroubleKind::DeviceUnhealthy => Self::DeviceUnhealthy,
            TroubleKind::FailedStart => Self::FailedStart,
            TroubleKind::CrashLoop => Self::CrashLoop,
            TroubleKind::ImagePull => Self::ImagePull,
            TroubleKind::NotReady => Self::NotReady,
            TroubleKind::Terminating => return lasts(OVERDUE_AFTER).then_some(Self::Overdue),
            TroubleKind::Unschedulable => Self::Unschedulable,
            TroubleKind::Gated => Self::Gated,
            TroubleKind::Unscheduled => return lasts(STARTS_WITHIN).then_some(Self::Unscheduled),
            TroubleKind::Starting => return lasts(STARTS_WITHIN).then_some(Self::Starting),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::pod::{PodPhase, Since, SinceBasis};

    fn class(kind: TroubleKind, seconds: i64) -> Option<TroubleClass> {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let since = Since { basis: SinceBasis::Created, at: Timestamp::from_second(1_000_000 - seconds).unwrap() };
        let trouble = PodTrouble { kind, message: "", image: "", device: "", since: Some(since) };
        let pod = PodFacts { phase: PodPhase::Pending, trouble: Some(trouble), ..PodFacts::default() };
        TroubleClass::of(&pod, false, now)
    }

    #[test]
    fn a_pod_may_start_for_a_minute_and_terminate_until_its_deadline() {
        use TroubleKind::{CrashLoop, Gated, Starting, Terminating, Unschedulable, Unscheduled};
        let rows = [
            (Starting, 59, None),
            (Starting, 60, Some(TroubleClass::Starting)),
            (Unscheduled, 59, None),
            (Unscheduled, 60, Some(TroubleClass::Unscheduled)),
            // The deadline lies ahead, has just passed, and has passed beyond any difference of clocks.
            (Terminating, -20, None),
            (Terminating, 29, None),
            (Terminating, 30, Some(TroubleClass::Overdue)),
            (CrashLoop, 0, Some(TroubleClass::CrashLoop)),
            (Unschedulable, 0, Some(TroubleClass::Unschedulable)),
            (Gated, 0, Some(TroubleClass::Gated)),
        ];
        for (kind, seconds, expected) in rows {
            assert_eq!(class(kind, seconds), expected, "{kind:?} for {seconds} s");
        }
    }

    #[test]
    fn a_pod_on_a_lost_node_is_in_trouble_unless_it_has_ended() {
        let pod = |phase| PodFacts { phase, ..PodFacts::default() };
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(TroubleClass::of(&pod(PodPhase::Running), true, now), Some(TroubleClass::NodeLost));
        assert_eq!(TroubleClass::of(&pod(PodPhase::Succeeded), true, now), None);
        assert_eq!(TroubleClass::of(&pod(PodPhase::Running), false, now), None);
    }

    #[test]
    fn all_classes_are_listed_worst_first() {
        assert!(TroubleClass::ALL.is_sorted());
    }
}
