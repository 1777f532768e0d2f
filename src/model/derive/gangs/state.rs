//! State of a gang and trouble of its members, worst first.

use crate::model::derive::trouble::TroubleClass;

/// Trouble of a member: of the pod, of its node, or of the devices of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberTrouble {
    /// Trouble of the pod, or the loss of its node.
    Pod(TroubleClass),
    /// Its node says that it is not Ready.
    NodeNotReady,
    /// Its node has withdrawn or does not register devices of a resource that the pod requests.
    DevicesLost,
}

impl MemberTrouble {
    /// All of them, worst first. A node comes before the pods that fail on it; devices that some pod of the node has lost come after
    /// what the pod says itself, and before waiting.
    pub const ALL: [Self; 13] = [
        Self::Pod(TroubleClass::NodeLost),
        Self::NodeNotReady,
        Self::Pod(TroubleClass::DeviceUnhealthy),
        Self::Pod(TroubleClass::FailedStart),
        Self::Pod(TroubleClass::CrashLoop),
        Self::Pod(TroubleClass::ImagePull),
        Self::Pod(TroubleClass::Overdue),
        Self::Pod(TroubleClass::NotReady),
        Self::DevicesLost,
        Self::Pod(TroubleClass::Unschedulable),
        Self::Pod(TroubleClass::Gated),
        Self::Pod(TroubleClass::Unscheduled),
        Self::Pod(TroubleClass::Starting),
    ];

    /// Index in [`MemberTrouble::ALL`].
    #[must_use]
    pub fn severity(self) -> usize {
        Self::ALL.iter().position(|known| *known == self).unwrap_or(Self::ALL.len())
    }

    /// The trouble in words, for the screen and for filters.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Pod(class) => class.text(),
            Self::NodeNotReady => "node not ready",
            Self::DevicesLost => "devices lost",
        }
    }
}

/// State of a gang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GangState {
    /// A member is in trouble.
    Trouble(MemberTrouble),
    /// No member is in trouble, and there are fewer than the exact number that is wanted.
    Incomplete,
    /// No known member is in trouble, and not all pods are known.
    NotKnown,
    /// No member has a node, and one is in trouble about it.
    Waits,
    /// A member starts.
    Starting,
    /// A member is being deleted or has completed.
    Ending,
    /// All members run and are ready.
    Running,
}

impl GangState {
    /// Order of the states, worst first.
    #[must_use]
    pub fn severity(self) -> usize {
        let troubles = MemberTrouble::ALL.len();
        match self {
            Self::Trouble(trouble) => trouble.severity(),
            // As bad as a part that waits.
            Self::Waits => MemberTrouble::Pod(TroubleClass::Unschedulable).severity(),
            Self::Incomplete => troubles,
            Self::NotKnown => troubles + 1,
            Self::Starting => troubles + 2,
            Self::Ending => troubles + 3,
            Self::Running => troubles + 4,
        }
    }

    /// The state in words, for the screen, for filters and for the snapshot.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Trouble(trouble) => trouble.text(),
            Self::Incomplete => "incomplete",
            Self::NotKnown => "not known",
            Self::Waits => "waits",
            Self::Starting => "starting",
            Self::Ending => "ending",
            Self::Running => "running",
        }
    }
}
