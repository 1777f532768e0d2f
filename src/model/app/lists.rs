//! The list that keys apply to on each screen.

use super::Model;
use super::screens::{NodePane, Screen};
use crate::action::TopScreen;
use crate::model::cluster::PodPlace;
use crate::model::table::list::SelectionStep;
use crate::model::table::state::TableControl;

impl Model {
    /// The list of the screen that is open; `None` if it has none.
    pub(crate) fn list(&self) -> Option<&dyn TableControl> {
        let cluster = self.clusters.get(self.current)?;
        match &self.screen {
            Screen::Nodes => Some(cluster.nodes_control()),
            Screen::Node { pane: NodePane::Events, .. } | Screen::Pod { .. } => Some(cluster.events_control()),
            Screen::Node { .. } => Some(cluster.pod_list(PodPlace::Node).control()),
            Screen::Pods(_) | Screen::Gang(_) | Screen::Top(TopScreen::Trouble) => {
                Some(cluster.pod_list(PodPlace::Screen).control())
            }
            Screen::Top(TopScreen::Gangs) => Some(cluster.gangs().control()),
            Screen::Top(TopScreen::Gpus) => Some(cluster.gpus().control()),
            Screen::Top(TopScreen::Api) => Some(cluster.api().control()),
            Screen::Top(TopScreen::Alerts) => Some(&self.alerts.state),
            _ => None,
        }
    }

    /// The same, for a key.
    pub(in crate::model) fn list_mut(&mut self) -> Option<&mut dyn TableControl> {
        let cluster = self.clusters.get_mut(self.current)?;
        match &self.screen {
            Screen::Nodes => Some(cluster.nodes_control_mut()),
            Screen::Node { pane: NodePane::Events, .. } | Screen::Pod { .. } => Some(cluster.events_control_mut()),
            Screen::Node { .. } => Some(cluster.pod_list_mut(PodPlace::Node).control_mut()),
            Screen::Pods(_) | Screen::Gang(_) | Screen::Top(TopScreen::Trouble) => {
                Some(cluster.pod_list_mut(PodPlace::Screen).control_mut())
            }
            Screen::Top(TopScreen::Gangs) => Some(cluster.gangs_mut().control_mut()),
            Screen::Top(TopScreen::Gpus) => Some(cluster.gpus_mut().control_mut()),
            Screen::Top(TopScreen::Api) => Some(cluster.api_mut().control_mut()),
            Screen::Top(TopScreen::Alerts) => Some(&mut self.alerts.state),
            _ => None,
        }
    }

    /// Index of the cursor among the rows of a page of lines, and their number.
    fn page_rows(&self) -> (usize, usize) {
        match &self.screen {
            Screen::Top(TopScreen::Gpus) => self.current().gpus().cursor(),
            Screen::Top(TopScreen::Api) => self.current().api().cursor(),
            _ => {
                let events = self.current().event_extent();
                (events.selected.unwrap_or(0), events.len)
            }
        }
    }

    fn select_page_row(&mut self, index: usize) {
        match &self.screen {
            Screen::Top(TopScreen::Gpus) => self.on_current(|cluster| cluster.gpus_mut().go(index)),
            Screen::Top(TopScreen::Api) => self.on_current(|cluster| cluster.select_in_api(index)),
            _ => self.on_current(|cluster| cluster.select_event(index)),
        }
    }

    /// Shows or hides the full text of the selected row of a page of lines. Returns `false` if no row is selected or the selected
    /// one is not visible.
    pub(in crate::model) fn toggle_row(&mut self) -> bool {
        let (at, _) = self.page_rows();
        let is_seen = self.page_cursor.rows.is_none_or(|rows| rows.contains(at));
        let mut found = false;
        match &self.screen {
            _ if !is_seen => {}
            Screen::Top(TopScreen::Api) => self.on_current(|cluster| found = cluster.toggle_api_row()),
            _ => self.on_current(|cluster| found = cluster.toggle_event()),
        }
        found
    }

    /// Moves the cursor over the rows of a page of lines, or scrolls if the next line is not a row, so that every line can be
    /// read.
    pub(in crate::model) fn step_on_page(&mut self, step: SelectionStep) {
        let (at, len) = self.page_rows();
        let row = match (step, self.page_cursor.rows) {
            (SelectionStep::By(by), Some(rows)) => rows.step(by, at, len),
            _ => Some(step.from(at, len)).filter(|to| *to != at),
        };
        let end = !matches!(step, SelectionStep::By(_));
        self.page_cursor.follows = !end && row.is_some();
        if let Some(to) = row.filter(|_| len > 0) {
            self.select_page_row(to);
        }
        if !self.page_cursor.follows {
            self.pane_scroll = self.scrolled(self.pane_scroll, step);
        }
    }
}
