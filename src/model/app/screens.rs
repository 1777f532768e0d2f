//! Navigation between screens: opening, the way back, the object that is watched in detail, and copying.

use crate::action::TopScreen;
use crate::facts::text::{Clean, counted, shell_word};
use crate::model::app::{Model, PageCursor};
use crate::model::cluster::{PodPlace, PodSet, PodTable, SavedNodes};
use crate::model::derive::gangs::GangKey;
use crate::model::table::pods::PodKey;
use crate::msg::detail::{ObjectRef, WatchDetail, Yaml};
use crate::msg::{ClusterId, Effect, Now};

/// Maximum number of bytes sent to a terminal's clipboard: 100,000 bytes of base64, the limit of several terminals
/// (xterm's `maxStringParse`, hterm) and below tmux's buffer of 1 MiB.
pub const COPY_BYTES: usize = 74_994;

/// The screen that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    /// The strip, the alerts and the node table.
    Nodes,
    /// One node of the current cluster.
    Node {
        /// Its name: a node that is deleted and created again is shown again.
        name: Clean,
        /// Pane that has the focus.
        pane: NodePane,
    },
    /// One pod of the current cluster.
    Pod {
        /// Its namespace.
        namespace: Clean,
        /// Its name.
        name: Clean,
    },
    /// A list of pods of the current cluster, which a row has opened.
    Pods(PodSet),
    /// One gang of the current cluster, with its members.
    Gang(GangKey),
    /// One node or pod of the current cluster as YAML.
    Yaml {
        /// The object.
        subject: ObjectRef,
        /// `true` if values that a Secret may hold are shown.
        clear: bool,
    },
    /// A screen that a key opens from every other one.
    Top(TopScreen),
}

impl Screen {
    /// The list of pods on the screen; `None` if it has none, or another pane has the focus.
    #[must_use]
    pub fn pod_place(&self) -> Option<PodPlace> {
        match self {
            Self::Node { pane: NodePane::Pods, .. } => Some(PodPlace::Node),
            Self::Pods(_) | Self::Gang(_) | Self::Top(TopScreen::Trouble) => Some(PodPlace::Screen),
            _ => None,
        }
    }
}

/// Panes of the node screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodePane {
    /// The pods on the node.
    Pods,
    /// Conditions.
    Conditions,
    /// Capacity, allocatable and requested per resource.
    Resources,
    /// Taints, labels and system information.
    Labels,
    /// Events about the node.
    Events,
}

/// Meaning of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Keys are actions.
    Normal,
    /// Keys are text of the filter.
    Filter,
    /// The help is open.
    Help,
}

/// A screen below another one, and its state when that was opened.
#[derive(Debug)]
pub(in crate::model) struct BackEntry {
    /// Index of its cluster.
    cluster: usize,
    screen: Screen,
    /// Lines that it was scrolled down by.
    scroll: usize,
    /// The node that was chosen in the table.
    selected: Option<Clean>,
    /// Tables that the screen above has replaced.
    pub(super) replaced: Option<ReplacedTables>,
}

/// Tables of a cluster from before a screen was opened that shows others in their place.
#[derive(Debug)]
pub(in crate::model) struct ReplacedTables {
    /// Index of the cluster.
    pub(super) cluster: usize,
    /// Filter and cursor of the nodes.
    pub(super) nodes: Option<SavedNodes>,
    /// A list of pods, and its place.
    pub(super) pods: Option<(PodPlace, PodTable)>,
}

impl Model {
    /// Shows the YAML of the selected or open object, or leaves it if it is shown already.
    pub(in crate::model) fn toggle_yaml(&mut self, now: Now) {
        if matches!(self.screen, Screen::Yaml { .. }) {
            return self.back(now);
        }
        self.on_current(|cluster| cluster.arrange_all(now));
        self.arrange_pods(now);
        match (self.subject(), &self.screen) {
            (Some(subject), _) => self.descend(self.current, Screen::Yaml { subject, clear: false }),
            (None, Screen::Nodes) => self.set_notice("no node is selected", now),
            (None, _) => self.no_such_key(now),
        }
    }

    /// Shows the values that a Secret may hold in the YAML that is open, or masks them again.
    pub(in crate::model) fn toggle_values(&mut self, now: Now) {
        match &mut self.screen {
            Screen::Yaml { clear, .. } => *clear = !*clear,
            _ => self.no_such_key(now),
        }
    }

    /// Goes one level back; clears the filter first, and on the lowest level the warnings.
    pub(in crate::model) fn back(&mut self, now: Now) {
        if let Some(list) = self.list_mut().filter(|list| !list.filter().is_empty()) {
            return list.clear_filter();
        }
        match &self.screen {
            Screen::Nodes if self.trail.is_empty() => self.warnings.clear(),
            _ => self.go_back(now),
        }
    }

    /// Opens a screen, or leaves it if it is open already. If it is below, goes back to it, so that the way back has no cycles.
    pub(in crate::model) fn show(&mut self, screen: Screen, now: Now) {
        if self.screen == screen {
            return self.go_back(now);
        }
        match self.trail.iter().position(|place| place.screen == screen) {
            Some(at) => {
                self.cut_trail(at + 1);
                self.go_back(now);
            }
            None if screen == Screen::Top(TopScreen::Trouble) => self.open_trouble(),
            None => self.descend(self.current, screen),
        }
    }

    /// Goes back to the screen below, in the state in which it was left.
    fn go_back(&mut self, now: Now) {
        let Some(mut below) = self.trail.pop() else { return self.leave() };
        self.restore_tables(&mut below);
        let BackEntry { cluster, screen, scroll, selected, .. } = below;
        self.current = cluster;
        self.on_current(|cluster| {
            cluster.select(selected, now);
            if let Screen::Node { name, .. } = &screen {
                cluster.open_node(name.clone());
            }
        });
        // Values are masked again when a YAML screen is left.
        let screen = match screen {
            Screen::Yaml { subject, .. } => Screen::Yaml { subject, clear: false },
            screen => screen,
        };
        self.enter(screen);
        self.arrange_pods(now);
        self.scroll_to(scroll);
    }

    /// Brings the list of pods on the screen up to date: messages since the last frame may have moved another pod to the selected
    /// row.
    pub(super) fn arrange_pods(&mut self, now: Now) {
        let place = self.screen.pod_place().unwrap_or(PodPlace::Node);
        self.on_current(|cluster| cluster.arrange_pods(place, now));
    }

    /// Goes back to the nodes, whatever is open.
    pub(in crate::model) fn leave(&mut self) {
        self.cut_trail(0);
        self.on_current(|cluster| cluster.open_node(Clean::default()));
        self.enter(Screen::Nodes);
    }

    /// Forgets the way back beyond its first `keep` screens; the tables that it has replaced are as they were.
    pub(in crate::model) fn cut_trail(&mut self, keep: usize) {
        while self.trail.len() > keep
            && let Some(mut below) = self.trail.pop()
        {
            self.restore_tables(&mut below);
        }
    }

    fn restore_tables(&mut self, below: &mut BackEntry) {
        let Some(ReplacedTables { cluster, nodes, pods }) = below.replaced.take() else { return };
        let Some(cluster) = self.clusters.get_mut(cluster) else { return };
        if let Some(nodes) = nodes {
            cluster.return_to_nodes(nodes);
        }
        if let Some((place, list)) = pods {
            drop(cluster.replace_pods(place, list));
        }
    }

    /// Copies the name of the selected or open object as a shell word, or the YAML that is shown.
    pub(in crate::model) fn copy(&mut self, now: Now) -> Option<Effect> {
        self.arrange_pods(now);
        let document = self.current().detail().and_then(|detail| detail.document());
        let (text, what) = match (&self.screen, document) {
            (Screen::Yaml { .. }, None) => return self.show_notice(now, "YAML still loading"),
            (Screen::Yaml { subject, .. }, Some(document)) => {
                let mut text = String::new();
                for line in &document.lines {
                    text.push_str(line);
                    text.push('\n');
                }
                let cut = if document.cut == 0 { String::new() } else { format!(", {} of them cut", document.cut) };
                let values = match (document.values.words(), document.values.masked) {
                    (values, _) if values.is_empty() => values,
                    (values, true) => format!(", {values} masked"),
                    (values, false) => format!(", contains {values}"),
                };
                let hidden = match document.invisible {
                    0 => String::new(),
                    count => format!(", {} as \\u…", counted(count, "invisible character")),
                };
                (
                    text,
                    format!(
                        "YAML of {}, {}{cut}{values}{hidden}",
                        subject.title(),
                        counted(document.lines.len(), "line")
                    ),
                )
            }
            (screen, _) => {
                let gang = self.current().gangs().selected().filter(|_| *screen == Screen::Top(TopScreen::Gangs));
                let subject = self.subject();
                let name = gang.map(|gang| &gang.key.name).or(subject.as_ref().map(ObjectRef::name));
                let Some(name) = name else { return self.show_notice(now, "nothing is selected") };
                let name = shell_word(name).into_owned();
                let what = format!("`{name}`");
                (name, what)
            }
        };
        if text.len() > COPY_BYTES {
            let (size, most) = (text.len().div_ceil(1000), COPY_BYTES / 1000);
            return self.show_notice(
                now,
                &format!("not copied: {size} kB, and terminals take {most} kB; use kubectl get -o yaml"),
            );
        }
        self.show_notice(now, &format!("sent to the terminal's clipboard: {what}"));
        Some(Effect::Copy { text })
    }

    /// Makes the clusters' tasks watch the object that the screen shows; returns the effect if that has changed.
    pub(in crate::model) fn follow_screen(&mut self) -> Option<Effect> {
        let desired = self.desired_detail();
        if self.watched_detail == desired {
            return None;
        }
        let uid = match &self.screen {
            Screen::Pod { namespace, name } => {
                let selected = [PodPlace::Node, PodPlace::Screen].map(|place| self.current().selected_pod(place));
                let is_open = |pod: &PodKey| pod.namespace == *namespace && pod.name == *name;
                selected.into_iter().flatten().find(is_open).map(|pod| pod.uid)
            }
            _ => None,
        };
        for (id, cluster) in (0..=u16::MAX).map(ClusterId).zip(&mut self.clusters) {
            let of = desired.as_ref().filter(|(of, _)| *of == id).map(|(_, desired_detail)| desired_detail);
            cluster.watch_detail(of.map(|of| &of.subject), of.map_or(Yaml::NotRequested, |of| of.yaml), uid);
        }
        self.watched_detail.clone_from(&desired);
        Some(
            desired.map_or(Effect::EndInspection, |(id, desired_detail)| Effect::Inspect(id, Box::new(desired_detail))),
        )
    }

    /// Edits the filter of the list on the screen, if it has one.
    pub(in crate::model) fn open_filter(&mut self, now: Now) {
        match &mut self.screen {
            Screen::Nodes
            | Screen::Top(_)
            | Screen::Pods(_)
            | Screen::Gang(_)
            | Screen::Node { pane: NodePane::Events, .. } => {
                self.mode = Mode::Filter;
            }
            Screen::Pod { .. } => {
                // The rows may be far below.
                self.page_cursor.follows = true;
                self.mode = Mode::Filter;
            }
            Screen::Node { pane, .. } => {
                *pane = NodePane::Pods;
                self.mode = Mode::Filter;
            }
            Screen::Yaml { .. } => self.no_such_key(now),
        }
    }

    fn desired_detail(&self) -> Option<(ClusterId, WatchDetail)> {
        let subject = match &self.screen {
            // The events of a node belong to the node, whichever of its pods is selected.
            Screen::Node { name, .. } => ObjectRef::Node { name: name.clone() },
            Screen::Pod { .. } | Screen::Yaml { .. } => self.subject()?,
            _ => return None,
        };
        let yaml = match &self.screen {
            Screen::Yaml { clear: true, .. } => Yaml::Clear,
            Screen::Yaml { clear: false, .. } => Yaml::Masked,
            _ => Yaml::NotRequested,
        };
        Some((self.current_id(), WatchDetail { subject, yaml }))
    }

    /// The object that keys apply to: the open one, or the selected one.
    pub(super) fn subject(&self) -> Option<ObjectRef> {
        match &self.screen {
            Screen::Nodes => self.current().selected_name().map(|name| ObjectRef::Node { name: name.clone() }),
            Screen::Node { name, pane } => {
                // Without a selected pod the keys apply to the node.
                let pod = self.current().selected_pod(PodPlace::Node).filter(|_| *pane == NodePane::Pods);
                let node = || ObjectRef::Node { name: name.clone() };
                Some(pod.map_or_else(node, |pod| ObjectRef::Pod { namespace: pod.namespace, name: pod.name }))
            }
            Screen::Pod { namespace, name } => {
                Some(ObjectRef::Pod { namespace: namespace.clone(), name: name.clone() })
            }
            Screen::Yaml { subject, .. } => Some(subject.clone()),
            Screen::Top(TopScreen::Gpus) => self.held_pod(),
            Screen::Pods(_) | Screen::Gang(_) | Screen::Top(TopScreen::Trouble) => {
                let pod = self.current().selected_pod(PodPlace::Screen)?;
                Some(ObjectRef::Pod { namespace: pod.namespace, name: pod.name })
            }
            Screen::Top(_) => None,
        }
    }

    /// Opens a screen of a cluster over the one that is open.
    pub(in crate::model) fn descend(&mut self, at: usize, screen: Screen) {
        let below = BackEntry {
            cluster: self.current,
            screen: std::mem::replace(&mut self.screen, Screen::Nodes),
            scroll: self.pane_scroll,
            selected: self.current().chosen_name().cloned(),
            replaced: None,
        };
        self.trail.push(below);
        self.current = at.min(self.clusters.len().saturating_sub(1));
        self.enter(screen);
    }

    fn enter(&mut self, screen: Screen) {
        self.scroll_to(0);
        self.screen = screen;
    }

    /// Sets the scroll offset of a part that may not have been drawn yet, so its maximum is unknown.
    pub(in crate::model) fn scroll_to(&mut self, line: usize) {
        self.pane_scroll = line;
        (self.most_scroll, self.page_cursor) = (None, PageCursor::default());
    }

    /// Answers a key that means nothing here, since silence would look like a program that hangs.
    pub(in crate::model) fn no_such_key(&mut self, now: Now) {
        let text = match self.help_key.as_str() {
            // The help itself says how to leave it.
            _ if self.mode == Mode::Help => "no such key here".to_owned(),
            "" => "no such key here".to_owned(),
            key => format!("no such key here · {key} help"),
        };
        self.set_notice(&text, now);
    }

    /// Shows a notice about the last action for a few seconds.
    pub(in crate::model) fn show_notice(&mut self, now: Now, text: &str) -> Option<Effect> {
        self.set_notice(text, now);
        None
    }
}

#[cfg(test)]
mod tests;
