//! Screens: one file each.

pub(in crate::ui) mod alerts;
pub(in crate::ui) mod api;
pub(in crate::ui) mod gpus;
pub(in crate::ui) mod help;
pub(in crate::ui) mod node;
pub(in crate::ui) mod nodes;
pub(in crate::ui) mod pod;
pub(in crate::ui) mod tiny;
pub(in crate::ui) mod yaml;
