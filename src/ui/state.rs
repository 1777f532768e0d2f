//! State of the screen from frame to frame that the model does not need.

use ratatui::layout::Rect;

use crate::model::cluster::PodSet;
use crate::msg::ClusterId;
use crate::ui::widgets::strip::Widths;
use crate::ui::widgets::table::ColumnWidths;

/// Scroll offsets and widths of columns from frame to frame.
#[derive(Debug, Default)]
pub struct ViewState {
    pub(in crate::ui) strip_offset: usize,
    pub(in crate::ui) strip_widths: Widths,
    pub(in crate::ui) lists: ListViewState,
    /// Size and cluster of the last frame, and `true` if it showed the node screen.
    last: Option<(Rect, ClusterId, bool)>,
}

/// Scroll offsets and widths of columns of the lists.
#[derive(Debug, Default)]
pub(in crate::ui) struct ListViewState {
    pub(in crate::ui) nodes_offset: usize,
    pub(in crate::ui) nodes_widths: ColumnWidths,
    pub(in crate::ui) pods_offset: usize,
    pub(in crate::ui) pods_widths: ColumnWidths,
    pub(in crate::ui) alerts_offset: usize,
    pub(in crate::ui) alerts_widths: ColumnWidths,
    /// Pods of the list that was drawn last.
    pub(in crate::ui) pod_list_set: PodSet,
    pub(in crate::ui) pod_list_offset: usize,
    pub(in crate::ui) pod_list_widths: ColumnWidths,
    pub(in crate::ui) pod_groups_offset: usize,
    pub(in crate::ui) pod_groups_widths: ColumnWidths,
    pub(in crate::ui) gangs_offset: usize,
    pub(in crate::ui) gangs_widths: ColumnWidths,
    /// Groups of the GPU view.
    pub(in crate::ui) groups_widths: ColumnWidths,
    /// Held devices of the GPU view.
    pub(in crate::ui) held_widths: ColumnWidths,
    /// Events of the open object.
    pub(in crate::ui) events_widths: ColumnWidths,
    /// Calls of the API view.
    pub(in crate::ui) calls_widths: ColumnWidths,
    /// Failures of the API view.
    pub(in crate::ui) failures_widths: ColumnWidths,
}

impl ViewState {
    /// Begins a frame; another size, cluster or node resets the widths.
    pub(in crate::ui) fn enter(&mut self, area: Rect, cluster: ClusterId, inside: bool) {
        let last = self.last.replace((area, cluster, inside));
        let resized = last.is_none_or(|(before, ..)| before.width != area.width);
        if resized {
            self.strip_widths = Widths::default();
        }
        if resized || last.is_none_or(|(_, other, _)| other != cluster) {
            self.lists.nodes_widths = ColumnWidths::default();
            self.lists.pod_list_widths = ColumnWidths::default();
            self.lists.pod_groups_widths = ColumnWidths::default();
            self.lists.gangs_widths = ColumnWidths::default();
            self.lists.groups_widths = ColumnWidths::default();
            self.lists.held_widths = ColumnWidths::default();
            self.lists.calls_widths = ColumnWidths::default();
            self.lists.failures_widths = ColumnWidths::default();
            self.lists.alerts_widths = ColumnWidths::default();
        }
        if last != self.last {
            self.lists.pods_widths = ColumnWidths::default();
            self.lists.events_widths = ColumnWidths::default();
        }
    }
}

impl ListViewState {
    /// Begins to draw a list of pods; other pods reset its widths.
    pub(in crate::ui) fn enter_pods(&mut self, set: &PodSet) {
        if self.pod_list_set != *set {
            self.pod_list_set = set.clone();
            self.pod_list_widths = ColumnWidths::default();
        }
    }
}
