//! `Msg`: everything that can happen to the model; `Effect`: everything the model asks of the world.
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
mod split;
mod sync;
mod time;

use serde::{Deserialize, Serialize};

use crate::action::Action;

pub use crate::resource::Resource;
pub use batch::{Batch, KeptChange, NodeChange};
pub use call::{Attempt, CallEnd, CallEvent, CallId, CallKind, NoConnection, ProbeOutcome, ProbeSample, ProbeSeries};
pub use effect::{AlertNews, Effect};
pub use event::{ClusterEvent, SKEW_TOLD_MS, UsageNews};
pub use failure::{Failure, Layer};
pub use limits::{PageLimits, Smaller};
pub use sync::SyncState;
pub use time::{Mono, Now};

/// Which cluster: its place in the list the program was started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u16);

/// Something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A key was pressed and it means this.
    Action(Action),
    /// Text typed into the filter.
    Edit(LineEdit),
    /// A key was pressed that means nothing.
    UnboundKey,
    /// A cluster's task has news.
    Cluster(ClusterId, ClusterEvent),
    /// A second has passed; ages move, silence is noticed.
    Tick,
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
