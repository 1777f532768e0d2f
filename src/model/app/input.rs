//! Meaning of keys: navigation, modes, and effects.

use crate::action::{Action, TopScreen};
use crate::facts::text::Clean;
use crate::model::app::Model;
use crate::model::app::screens::{Mode, NodePane, Screen};
use crate::model::cluster::{ClusterState, PodPlace};
use crate::model::derive::gpus::Grouping;
use crate::model::derive::pod_groups::PodGrouping;
use crate::model::table::SortBy;
use crate::model::table::list::SelectionStep;
use crate::msg::{Effect, LineEdit, Now};

const PANES: [NodePane; 5] =
    [NodePane::Pods, NodePane::Conditions, NodePane::Resources, NodePane::Labels, NodePane::Events];

impl Model {
    /// Does what a key means now.
    pub(in crate::model) fn act(&mut self, action: Action, now: Now) -> Option<Effect> {
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
                // A notice about the last key does not apply to this one.
                self.notice = None;
                let effect = self.act_in_normal(action, now);
                // The watched object follows the screen at once; a key with an effect of its own never changes the screen.
                return effect.or_else(|| self.follow_screen());
            }
        }
        None
    }

    /// Edits the filter; the rows follow at once.
    pub(in crate::model) fn edit(&mut self, edit: &LineEdit) {
        if self.mode == Mode::Filter
            && let Some(list) = self.list_mut()
        {
            list.edit_filter(edit);
        }
    }

    fn act_in_help(&mut self, action: Action, now: Now) {
        match action {
            Action::Help | Action::Back | Action::Quit => {
                self.mode = Mode::Normal;
                self.most_scroll = None;
            }
            _ => {
                if let Some(step) = self.step(action) {
                    self.help_scroll = self.scrolled(self.help_scroll, step);
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
                if let Some(list) = self.list_mut() {
                    list.clear_filter();
                }
            }
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => self.go(action, now),
            _ => {}
        }
    }

    fn act_in_normal(&mut self, action: Action, now: Now) -> Option<Effect> {
        let on_nodes = self.screen == Screen::Nodes;
        if action == Action::Trouble && self.screen == Screen::Top(TopScreen::Trouble) {
            self.on_current(|cluster| cluster.pod_list_mut(PodPlace::Screen).toggle_all());
            return None;
        }
        if action == Action::Gangs && self.screen != Screen::Top(TopScreen::Gangs) {
            self.open_gangs(now);
            return None;
        }
        if let Some(screen) = action.opens() {
            self.show(Screen::Top(screen), now);
            return None;
        }
        match action {
            Action::Quit if on_nodes && self.trail.is_empty() => return Some(Effect::Quit),
            // A cluster that is too large is not followed again.
            Action::Refresh if self.current().budget.exceeded().is_some() => {}
            Action::Refresh => return Some(Effect::Refresh(self.current_id())),
            Action::LogIn if self.current().plugin().is_some() => return Some(Effect::LogIn(self.current_id())),
            Action::LogIn => return self.show_notice(now, "this context has no credential plugin to log in with"),
            Action::Back | Action::Quit => self.back(now),
            Action::Help => {
                self.mode = Mode::Help;
                self.help_scroll = 0;
                self.most_scroll = None;
            }
            Action::Open => self.lead_on(now),
            Action::Node => self.open_its_node(now),
            Action::Owner => self.open_owner(now),
            Action::Yaml => self.toggle_yaml(now),
            Action::ShowValues => self.toggle_values(now),
            Action::Copy => return self.copy(now),
            Action::NextPane if self.screen == Screen::Top(TopScreen::Gpus) => self.regroup(1),
            Action::PreviousPane if self.screen == Screen::Top(TopScreen::Gpus) => {
                self.regroup(Grouping::ALL.len() - 1);
            }
            Action::NextPane if self.screen == Screen::Top(TopScreen::Trouble) => self.regroup_pods(1, now),
            Action::PreviousPane if self.screen == Screen::Top(TopScreen::Trouble) => {
                self.regroup_pods(PodGrouping::ALL.len() - 1, now);
            }
            Action::Acknowledge if self.screen == Screen::Top(TopScreen::Alerts) => self.acknowledge(now),
            Action::Silence => self.silence(now),
            Action::NextCluster | Action::PreviousCluster if self.clusters.len() == 1 => {
                self.set_notice("this is the only cluster", now);
            }
            Action::NextCluster => self.switch((self.current + 1) % self.clusters.len()),
            Action::PreviousCluster => self.switch((self.current + self.clusters.len() - 1) % self.clusters.len()),
            Action::NextPane if self.in_node() => self.turn_pane(1),
            Action::PreviousPane if self.in_node() => self.turn_pane(PANES.len() - 1),
            Action::Wide if on_nodes && !self.wide_room => {
                self.set_notice("more columns have no room here: the terminal is too narrow", now);
            }
            Action::Wide if on_nodes => self.wide = !self.wide,
            Action::Filter => self.open_filter(now),
            _ => self.act_on_rows(action, now),
        }
        None
    }

    fn in_node(&self) -> bool {
        matches!(self.screen, Screen::Node { .. })
    }

    /// Switches to a cluster by its number, sorts, or moves; otherwise shows that the key means nothing here.
    fn act_on_rows(&mut self, action: Action, now: Now) {
        if let Some(cluster) = action.cluster_index() {
            match self.clusters.get(cluster) {
                None => self.set_notice(&format!("there is no cluster {}", cluster + 1), now),
                Some(known) if cluster == self.current => {
                    let text = format!("`{}` is shown already", known.context());
                    self.set_notice(&text, now);
                }
                Some(_) => self.switch(cluster),
            }
        } else if self.step(action).is_some() {
            self.go(action, now);
        } else if !self.sort(action, now) {
            self.no_such_key(now);
        }
    }

    /// Sorts the list on the screen, or holds its order; returns `false` if the action means something else.
    fn sort(&mut self, action: Action, now: Now) -> bool {
        let Some(list) = self.list_mut() else { return false };
        match action {
            Action::SortNext => list.sort_step(1),
            Action::SortPrevious => list.sort_step(-1),
            Action::SortReverse => list.reverse(),
            Action::Hold => list.toggle_held(),
            _ => {
                let Some(by) = sort_of(action) else { return false };
                if !list.sort_by(by) {
                    let what = if by == SortBy::Restarts { "restarts to sort by" } else { "such column" };
                    let text = format!("{} have no {what}", list.name());
                    self.set_notice(&text, now);
                }
            }
        }
        true
    }

    /// Moves the selection, or scrolls where there is none.
    fn go(&mut self, action: Action, now: Now) {
        let Some(step) = self.step(action) else { return };
        if let Some(place) = self.screen.pod_place() {
            return self.on_current(|cluster| cluster.move_pod(place, step, now));
        }
        match &self.screen {
            Screen::Top(TopScreen::Alerts) => self.move_alert(step, now),
            Screen::Top(TopScreen::Gpus | TopScreen::Api)
            | Screen::Node { pane: NodePane::Events, .. }
            | Screen::Pod { .. } => self.step_on_page(step),
            Screen::Top(TopScreen::Gangs) => self.on_current(|cluster| cluster.move_gang(step, now)),
            Screen::Nodes => self.on_current(|cluster| cluster.move_selection(step, now)),
            _ => self.pane_scroll = self.scrolled(self.pane_scroll, step),
        }
    }

    /// Offset after a step; as far as the last frame had lines.
    pub(super) fn scrolled(&self, offset: usize, step: SelectionStep) -> usize {
        step.from(offset, self.most_scroll.unwrap_or(usize::MAX).saturating_add(1))
    }

    fn step(&self, action: Action) -> Option<SelectionStep> {
        let page = isize::try_from(self.page).unwrap_or(isize::MAX);
        match action {
            Action::Down => Some(SelectionStep::By(1)),
            Action::Up => Some(SelectionStep::By(-1)),
            Action::PageDown => Some(SelectionStep::By(page)),
            Action::PageUp => Some(SelectionStep::By(-page)),
            Action::Top => Some(SelectionStep::First),
            Action::Bottom => Some(SelectionStep::Last),
            _ => None,
        }
    }

    pub(in crate::model) fn switch(&mut self, to: usize) {
        if to < self.clusters.len() && to != self.current {
            // The API and GPU views stay open, to compare clusters; the way back belongs to the other cluster.
            if matches!(self.screen, Screen::Top(screen) if screen != TopScreen::Alerts) {
                self.cut_trail(0);
                self.on_current(|cluster| cluster.open_node(Clean::default()));
            } else {
                self.leave();
            }
            self.scroll_to(0);
            self.current = to;
        }
    }

    fn regroup(&mut self, by: usize) {
        let all = Grouping::ALL;
        let at = all.iter().position(|known| *known == self.grouping).unwrap_or(0);
        self.grouping = all[(at + by) % all.len()];
        self.scroll_to(0);
    }

    fn regroup_pods(&mut self, by: usize, now: Now) {
        let mut is_grouped = false;
        self.on_current(|cluster| is_grouped = cluster.pod_list_mut(PodPlace::Screen).regroup(by));
        if !is_grouped {
            self.set_notice("only pods in trouble are grouped", now);
        }
    }

    fn turn_pane(&mut self, by: usize) {
        if let Screen::Node { pane, .. } = &mut self.screen {
            let at = PANES.iter().position(|known| known == pane).unwrap_or(0);
            *pane = PANES[(at + by) % PANES.len()];
            self.scroll_to(0);
        }
    }

    pub(in crate::model) fn on_current(&mut self, act: impl FnOnce(&mut ClusterState)) {
        if let Some(cluster) = self.current_mut() {
            act(cluster);
        }
    }

    fn current_mut(&mut self) -> Option<&mut ClusterState> {
        self.clusters.get_mut(self.current)
    }
}

/// The column that a key sorts by.
fn sort_of(action: Action) -> Option<SortBy> {
    Some(match action {
        Action::SortRestarts => SortBy::Restarts,
        Action::SortName => SortBy::Name,
        Action::SortStatus => SortBy::Status,
        Action::SortPods => SortBy::Pods,
        Action::SortGpu => SortBy::Gpu,
        Action::SortCpu => SortBy::Cpu,
        Action::SortMemory => SortBy::Memory,
        Action::SortAge => SortBy::Age,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
