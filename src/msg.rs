//! `Msg`: everything that can happen to the model; `Effect`: everything that the model requests from outside.
//!
//! Plain and serialisable, so that an incident can be recorded and replayed.

mod batch;
mod call;
pub mod check;
pub mod detail;
mod effect;
mod event;
mod failure;
mod limits;
mod page;
mod query;
mod split;
mod sync;
mod time;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::facts::text::Clean;

pub use crate::resource::Resource;
pub use batch::{Batch, NodeChange, ObjectChange, OptionalBatch};
pub use call::{Attempt, CallEnd, CallEvent, CallId, CallKind, NoConnection, ProbeOutcome, ProbeSample, ProbeSeries};
pub use effect::{AlertHits, AlertNews, Effect, HitGang, HitNamespace, HitsState};
pub use event::{ClusterEvent, SKEW_SHOWN_MS, UsageNews};
pub use failure::{Failure, Layer};
pub use limits::{PageLimits, Smaller};
pub use page::PageHead;
pub use query::{GangOwner, Query, QueryAnswer, QueryKind, QueryResult, QueueListing};
pub use sync::SyncState;
pub use time::{Mono, Now};

/// Index of a cluster in the list that the program was started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u16);

/// An event that the model handles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A key with this meaning was pressed.
    Action(Action),
    /// Text typed into the filter.
    Edit(LineEdit),
    /// A key without a meaning was pressed.
    UnboundKey,
    /// An event from the tasks of a cluster.
    Cluster(ClusterId, ClusterEvent),
    /// A second has passed: ages grow, and silence is noticed.
    Tick,
    /// A frame is about to be drawn: brings alerts and the order of the rows up to date.
    Frame,
    /// There is time for some of the work that the last frame did not wait for.
    CatchUp,
    /// Size of the last frame, sent after it was drawn.
    Viewport(Viewport),
    /// Shows this text to the operator for a few seconds.
    Notice(Clean),
}

/// Size of what the last frame showed, as the view measured it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewport {
    /// Rows of a page.
    pub page: usize,
    /// Lines by which the focused part can be scrolled; `None` if it was not drawn.
    pub most_scroll: Option<usize>,
    /// `true` if the extra columns of the node table have room; `None` if the table was not drawn.
    pub wide_room: Option<bool>,
    /// First line of a page of lines that has a cursor.
    pub first: Option<usize>,
    /// The rows of lists on that page.
    pub rows: Option<PageRows>,
}

/// Rows of lists on a page of lines, among other lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRows {
    /// Index of the first row on the page.
    pub first: usize,
    /// Index after the last row on the page.
    pub end: usize,
    /// Rows directly above the page, without another line between them; not more than a page.
    pub above: usize,
    /// Rows directly below the page, likewise.
    pub below: usize,
}

impl PageRows {
    /// Index of the row that a step of `by` rows leads to from row `at` of `len`; `None` if other lines come first, which are
    /// scrolled over.
    #[must_use]
    pub fn step(&self, by: isize, at: usize, len: usize) -> Option<usize> {
        if !self.contains(at) {
            let nearest = if by > 0 { self.first } else { self.end.saturating_sub(1) };
            return self.contains(nearest).then_some(nearest);
        }
        let to = at.saturating_add_signed(by).min(len.saturating_sub(1));
        let to = to.clamp(self.first.saturating_sub(self.above), (self.end + self.below).saturating_sub(1));
        (to != at).then_some(to)
    }

    /// Row `at` is on the page.
    #[must_use]
    pub fn contains(&self, at: usize) -> bool {
        (self.first..self.end).contains(&at)
    }
}

/// A change to the line being edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineEdit {
    /// A character was typed.
    Insert(char),
    /// Text was pasted; the model caps it.
    Paste(String),
    /// Delete the character before the cursor.
    Backspace,
    /// Delete the word before the cursor.
    DeleteWord,
    /// Delete everything.
    Clear,
}

#[cfg(test)]
mod tests {
    use super::PageRows;

    #[test]
    fn a_step_over_rows_stops_where_other_lines_come_first() {
        // Rows 3 to 6 of 20 are on the page; two more are directly above it, and nothing directly below.
        let rows = PageRows { first: 3, end: 7, above: 2, below: 0 };
        let steps = [
            (3, 1, Some(4)),
            (6, 1, None),
            (4, 10, Some(6)),
            (3, -1, Some(2)),
            (5, -10, Some(1)),
            // The cursor is elsewhere: the first row that is seen takes it, or the last one on the way up.
            (15, 1, Some(3)),
            (0, -1, Some(6)),
        ];
        for (at, by, to) in steps {
            assert_eq!(rows.step(by, at, 20), to, "from {at} by {by}");
        }
        assert_eq!(PageRows::default().step(1, 0, 20), None, "no row is on the page");
        assert_eq!(PageRows { first: 0, end: 3, above: 0, below: 4 }.step(5, 2, 4), Some(3), "the last row");
    }
}
