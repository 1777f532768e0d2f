//! Memory of the screen from frame to frame; nothing that the model must know.

use ratatui::layout::Rect;

use crate::msg::ClusterId;
use crate::ui::widgets::strip::Widths;
use crate::ui::widgets::table::WidthMemory;

/// Offsets and widths of columns from frame to frame.
#[derive(Debug, Default)]
pub struct ViewState {
    pub(in crate::ui) strip_offset: usize,
    pub(in crate::ui) strip_widths: Widths,
    pub(in crate::ui) lists: ListMemory,
    /// Size, cluster and `true` for the node screen, of the last frame.
    last: Option<(Rect, ClusterId, bool)>,
}

/// Offsets and widths of the lists on the screens.
#[derive(Debug, Default)]
pub(in crate::ui) struct ListMemory {
    pub(in crate::ui) nodes_offset: usize,
    pub(in crate::ui) nodes_seen: WidthMemory,
    pub(in crate::ui) pods_offset: usize,
    pub(in crate::ui) pods_seen: WidthMemory,
    pub(in crate::ui) alerts_offset: usize,
    pub(in crate::ui) alerts_seen: WidthMemory,
    /// Groups of the GPU view.
    pub(in crate::ui) groups_seen: WidthMemory,
    /// Held devices of the GPU view.
    pub(in crate::ui) held_seen: WidthMemory,
    /// Events of the open object.
    pub(in crate::ui) events_seen: WidthMemory,
    /// Calls of the API view.
    pub(in crate::ui) calls_seen: WidthMemory,
    /// Failures of the API view.
    pub(in crate::ui) failures_seen: WidthMemory,
}

impl ViewState {
    /// Begins a frame: another size, cluster or node starts its columns over.
    pub(in crate::ui) fn enter(&mut self, area: Rect, cluster: ClusterId, inside: bool) {
        let last = self.last.replace((area, cluster, inside));
        let resized = last.is_none_or(|(before, ..)| before.width != area.width);
        if resized {
            self.strip_widths = Widths::default();
        }
        if resized || last.is_none_or(|(_, other, _)| other != cluster) {
            self.lists.nodes_seen = WidthMemory::default();
            self.lists.groups_seen = WidthMemory::default();
            self.lists.held_seen = WidthMemory::default();
            self.lists.calls_seen = WidthMemory::default();
            self.lists.failures_seen = WidthMemory::default();
            self.lists.alerts_seen = WidthMemory::default();
        }
        if last != self.last {
            self.lists.pods_seen = WidthMemory::default();
            self.lists.events_seen = WidthMemory::default();
        }
    }
}
