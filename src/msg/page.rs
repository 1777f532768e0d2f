//! Header of a page of a list.

use serde::{Deserialize, Serialize};

/// Header of a page of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageHead {
    /// Generation of the list that it belongs to.
    pub generation: u32,
    /// 1 for the first page.
    pub page: u32,
    /// Number of objects still to come, as the server estimates; `None` if it does not say.
    pub remaining: Option<u64>,
    /// Bytes of the answer after decompression.
    pub bytes: u64,
    /// Objects that could not be read.
    pub unreadable: u32,
}
