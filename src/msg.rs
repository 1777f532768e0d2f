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
mod split;
mod sync;
mod time;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::facts::text::Clean;

pub use crate::resource::Resource;
pub use batch::{Batch, NodeChange, ObjectChange, OptionalBatch};
pub use call::{Attempt, CallEnd, CallEvent, CallId, CallKind, NoConnection, ProbeOutcome, ProbeSample, ProbeSeries};
pub use effect::{AlertNews, Effect};
pub use event::{ClusterEvent, SKEW_SHOWN_MS, UsageNews};
pub use failure::{Failure, Layer};
pub use limits::{PageLimits, Smaller};
pub use page::PageHead;
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
    /// The rows of lists on that page: the index of the first, and the one after the last.
    pub rows: Option<(usize, usize)>,
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
