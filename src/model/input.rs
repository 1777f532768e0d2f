//! What keys do: navigation, modes, and effects.

use super::cluster::Step;
use super::gpus::Grouping;
use super::rows::SortBy;
use super::rows::podorder::POD_SORTS;
use super::{ClusterState, Mode, Model, NodePane, Screen};
use crate::action::{ACTIONS, Action};
use crate::msg::{Edit, Effect, Now};

/// More lines than the API view ever has: fifty failures, and a screen of everything else.
const API_LINES: usize = 200;

/// More lines than the pod screen ever has: a hundred events, containers, conditions.
const POD_LINES: usize = 2_000;

const PANES: [NodePane; 5] =
    [NodePane::Pods, NodePane::Conditions, NodePane::Resources, NodePane::Labels, NodePane::Events];

impl Model {
    /// Does what a key means now.
    pub(super) fn act(&mut self, action: Action, now: Now) -> Option<Effect> {
        if self.clusters.is_empty() {
            return matches!(action, Action::Quit | Action::ForceQuit).then_some(Effect::Quit);
        }
        match action {
            Action::ForceQuit => return Some(Effect::Quit),
            Action::Suspend => {
                self.suspending = true;
                return Some(Effect::Suspend);
            }
            Action::Redraw => return Some(Effect::Redraw),
            _ => {}
        }
        match self.mode {
            Mode::Help => {
                self.notice = None;
                self.act_in_help(action, now);
            }
            Mode::Filter => self.act_in_filter(action, now),
            Mode::Normal => {
                // What was said of the last key is not said of this one.
                self.notice = None;
                let effect = self.act_in_normal(action, now);
                // What is looked at follows the screen at once; an effect of the key itself never moves the screen.
                return effect.or_else(|| self.follow_screen());
            }
        }
        None
    }

    /// Text is typed into the filter, and the rows follow at once.
    pub(super) fn edit(&mut self, edit: &Edit) {
        if self.mode == Mode::Filter {
            let on_nodes = self.screen == Screen::Nodes;
            self.on_current(|cluster| if on_nodes { cluster.edit_filter(edit) } else { cluster.edit_pod_filter(edit) });
        }
    }

    fn act_in_help(&mut self, action: Action, now: Now) {
        match action {
            Action::Help | Action::Back | Action::Quit => self.mode = Mode::Normal,
            _ => {
                if let Some(step) = self.step(action) {
                    // A line for each action and at most one heading and one blank for each.
                    self.help_scroll = step.from(self.help_scroll, ACTIONS.len() + 30);
                } else {
                    self.no_such_key(now);
                }
            }
        }
    }

    fn act_in_filter(&mut self, action: Action, now: Now) {
        match action {
            Action::Open => self.mode = Mode::Normal,
            Action::Back => {
                self.mode = Mode::Normal;
                let on_nodes = self.screen == Screen::Nodes;
                self.on_current(|cluster| if on_nodes { cluster.clear_filter() } else { cluster.clear_pod_filter() });
            }
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => self.go(action, now),
            _ => {}
        }
    }

    fn act_in_normal(&mut self, action: Action, now: Now) -> Option<Effect> {
        let on_nodes = self.screen == Screen::Nodes;
        match action {
            Action::Quit if on_nodes => return Some(Effect::Quit),
            // What is too large was given up for good.
            Action::Refresh if self.current().budget.exceeded().is_some() => {}
            Action::Refresh => return Some(Effect::Refresh(self.current_id())),
            Action::LogIn if self.current().plugin().is_some() => return Some(Effect::LogIn(self.current_id())),
            Action::LogIn => return self.notify(now, "this context has no credential plugin to log in with"),
            Action::Back | Action::Quit => self.back(),
            Action::Help => {
                self.mode = Mode::Help;
                self.help_scroll = 0;
            }
            Action::Open if on_nodes => self.open(now),
            Action::Open if matches!(self.screen, Screen::Node { pane: NodePane::Pods, .. }) => self.open_pod(now),
            Action::Yaml => self.toggle_yaml(now),
            Action::ShowValues => self.toggle_values(now),
            Action::Copy => return self.copy(now),
            Action::Open if self.screen == Screen::Alerts => self.open_alert(now),
            Action::Api => self.show(Screen::Api),
            Action::Alerts => self.show(Screen::Alerts),
            Action::Gpus => self.show(Screen::Gpus),
            Action::NextPane if self.screen == Screen::Gpus => self.regroup(1),
            Action::PreviousPane if self.screen == Screen::Gpus => self.regroup(Grouping::ALL.len() - 1),
            Action::Acknowledge if self.screen == Screen::Alerts => self.acknowledge(now),
            Action::Silence => self.silence(now),
            Action::NextCluster | Action::PreviousCluster if self.clusters.len() == 1 => {
                self.note("this is the only cluster", now);
            }
            Action::NextCluster => self.switch((self.current + 1) % self.clusters.len()),
            Action::PreviousCluster => self.switch((self.current + self.clusters.len() - 1) % self.clusters.len()),
            Action::NextPane if self.in_node() => self.turn_pane(1),
            Action::PreviousPane if self.in_node() => self.turn_pane(PANES.len() - 1),
            Action::Wide if on_nodes && !self.wide_room => {
                self.note("more columns have no room here: the terminal is too narrow", now);
            }
            Action::Wide if on_nodes => self.wide = !self.wide,
            Action::Filter => self.open_filter(now),
            Action::Hold if on_nodes => self.on_current(ClusterState::toggle_held),
            _ => self.act_on_rows(action, now),
        }
        None
    }

    fn in_node(&self) -> bool {
        matches!(self.screen, Screen::Node { .. })
    }

    /// Goes to a cluster by its number, sorts, or moves; or says that the key means nothing here.
    fn act_on_rows(&mut self, action: Action, now: Now) {
        if let Some(cluster) = action.cluster_index() {
            match self.clusters.get(cluster) {
                None => self.note(&format!("there is no cluster {}", cluster + 1), now),
                Some(known) if cluster == self.current => {
                    let text = format!("`{}` is shown already", known.context());
                    self.note(&text, now);
                }
                Some(_) => self.switch(cluster),
            }
        } else if self.step(action).is_some() {
            self.go(action, now);
        } else if !self.sort(action, now) {
            self.no_such_key(now);
        }
    }

    /// Whether the action was about sorting; it means the rows that are on the screen.
    fn sort(&mut self, action: Action, now: Now) -> bool {
        let pods = match &self.screen {
            Screen::Nodes => false,
            Screen::Node { .. } => true,
            _ => return false,
        };
        let step = |by: isize| {
            move |cluster: &mut ClusterState| if pods { cluster.sort_pods_step(by) } else { cluster.sort_step(by) }
        };
        let by = match action {
            Action::SortNext => {
                self.on_current(step(1));
                return true;
            }
            Action::SortPrevious => {
                self.on_current(step(-1));
                return true;
            }
            Action::SortReverse => {
                self.on_current(if pods { ClusterState::reverse_pods } else { ClusterState::reverse });
                return true;
            }
            Action::SortRestarts if !pods => {
                self.note("nodes have no restarts to sort by", now);
                return true;
            }
            Action::SortRestarts => SortBy::Restarts,
            Action::SortName => SortBy::Name,
            Action::SortStatus => SortBy::Status,
            Action::SortPods => SortBy::Pods,
            Action::SortGpu => SortBy::Gpu,
            Action::SortCpu => SortBy::Cpu,
            Action::SortMemory => SortBy::Memory,
            Action::SortAge => SortBy::Age,
            _ => return false,
        };
        if pods && !POD_SORTS.contains(&by) {
            self.note("the pods of a node have no such column", now);
            return true;
        }
        self.on_current(|cluster| if pods { cluster.sort_pods_by(by) } else { cluster.sort_by(by) });
        true
    }

    /// Moves the selection, or scrolls where there is none.
    fn go(&mut self, action: Action, now: Now) {
        let Some(step) = self.step(action) else { return };
        let Some(cluster) = self.clusters.get_mut(self.current) else { return };
        match &self.screen {
            Screen::Alerts => self.move_alert(step),
            // The screen knows how many lines there are, and takes only the steps (`layout::Scroll`).
            Screen::Api => self.pane_scroll = step.from(self.pane_scroll, API_LINES),
            Screen::Gpus => {
                let board = cluster.gpu_board();
                // What the screen adds: title, what fits, headings and blanks.
                self.pane_scroll = step.from(self.pane_scroll, board.groups.len() + board.held.len() + 16);
            }
            Screen::Nodes => cluster.move_selection(step, now),
            Screen::Node { pane: NodePane::Pods, .. } => cluster.move_pod_selection(step),
            Screen::Pod { .. } => self.pane_scroll = step.from(self.pane_scroll, POD_LINES),
            Screen::Yaml { .. } => {
                let document = cluster.inspected().and_then(|inspected| inspected.document());
                self.pane_scroll = step.from(self.pane_scroll, document.map_or(0, |document| document.lines.len()));
            }
            Screen::Node { name, pane } => {
                self.pane_scroll = step.from(self.pane_scroll, cluster.pane_lines(name, *pane, now));
            }
        }
    }

    fn step(&self, action: Action) -> Option<Step> {
        let page = isize::try_from(self.page).unwrap_or(isize::MAX);
        match action {
            Action::Down => Some(Step::By(1)),
            Action::Up => Some(Step::By(-1)),
            Action::PageDown => Some(Step::By(page)),
            Action::PageUp => Some(Step::By(-page)),
            Action::Top => Some(Step::First),
            Action::Bottom => Some(Step::Last),
            _ => None,
        }
    }

    pub(super) fn switch(&mut self, to: usize) {
        if to < self.clusters.len() && to != self.current {
            // The API and the devices of one cluster are compared with those of the next; what was open below is another's.
            if matches!(self.screen, Screen::Api | Screen::Gpus) {
                self.trail.clear();
                self.on_current(|cluster| drop(cluster.open_node(None)));
            } else {
                self.leave();
            }
            self.pane_scroll = 0;
            self.current = to;
        }
    }

    fn regroup(&mut self, by: usize) {
        let all = Grouping::ALL;
        let at = all.iter().position(|known| *known == self.grouping).unwrap_or(0);
        self.grouping = all[(at + by) % all.len()];
        self.pane_scroll = 0;
    }

    fn turn_pane(&mut self, by: usize) {
        if let Screen::Node { pane, .. } = &mut self.screen {
            let at = PANES.iter().position(|known| known == pane).unwrap_or(0);
            *pane = PANES[(at + by) % PANES.len()];
            self.pane_scroll = 0;
        }
    }

    pub(super) fn on_current(&mut self, act: impl FnOnce(&mut ClusterState)) {
        if let Some(cluster) = self.current_mut() {
            act(cluster);
        }
    }

    fn current_mut(&mut self) -> Option<&mut ClusterState> {
        self.clusters.get_mut(self.current)
    }
}

#[cfg(test)]
mod tests;
