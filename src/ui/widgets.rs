//! Parts of the screen that several screens use.

pub(in crate::ui) mod alert_lines;
pub(in crate::ui) mod bars;
pub(in crate::ui) mod canvas;
pub(in crate::ui) mod events;
pub(in crate::ui) mod footer;
pub(in crate::ui) mod header;
pub(in crate::ui) mod layout;
pub(in crate::ui) mod names;
pub(in crate::ui) mod page;
pub(in crate::ui) mod spark;
pub(in crate::ui) mod strip;
pub(in crate::ui) mod table;
pub(in crate::ui) mod text;
pub(in crate::ui) mod width;
