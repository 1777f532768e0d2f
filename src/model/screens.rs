//! Which screen is on which: what opens, where `back` leads, what is looked at closely, what is copied.

use super::cluster::ClusterState;
use super::{Mode, Model, NodePane, Screen};
use crate::facts::text::{Clean, shell_word};
use crate::msg::inspect::{Inspection, Subject};
use crate::msg::{ClusterId, Effect, Now};

/// More than this no terminal is asked to put into its clipboard: 100,000 bytes of base64, the limit of several terminals
/// (xterm's `maxStringParse`, hterm) and below tmux's buffer of 1 MiB.
pub const COPY_BYTES: usize = 74_994;

impl Model {
    /// Opens the selected node.
    pub(super) fn open(&mut self, now: Now) {
        self.on_current(|cluster| cluster.arrange_all(now));
        let Some(name) = self.current().selected_name().cloned() else { return };
        self.open_node(name);
    }

    /// Opens a node of the current cluster.
    pub(super) fn open_node(&mut self, name: Clean) {
        self.on_current(|cluster| {
            cluster.select(name.clone());
            cluster.open_node(Some(name.clone()));
            cluster.arrange_pods();
        });
        self.trail.clear();
        self.enter(Screen::Node { name, pane: NodePane::Pods });
    }

    /// Opens the selected pod of the opened node.
    pub(super) fn open_pod(&mut self) {
        self.on_current(ClusterState::arrange_pods);
        if let Some(pod) = self.current().selected_pod() {
            self.descend(Screen::Pod { namespace: pod.namespace, name: pod.name });
        }
    }

    /// Shows the YAML of what is selected or open, or leaves it where it is shown already.
    pub(super) fn toggle_yaml(&mut self, now: Now) {
        if matches!(self.screen, Screen::Yaml { .. }) {
            return self.back();
        }
        self.on_current(|cluster| {
            cluster.arrange_all(now);
            cluster.arrange_pods();
        });
        if let Some(subject) = self.subject() {
            self.descend(Screen::Yaml { subject });
        }
    }

    /// One level back; from the nodes to all of them.
    pub(super) fn back(&mut self) {
        let filtered = !self.current().pod_filter().is_empty();
        match &self.screen {
            Screen::Nodes => self.on_current(ClusterState::clear_filter),
            Screen::Node { .. } if filtered => self.on_current(ClusterState::clear_pod_filter),
            _ => match self.trail.pop() {
                Some(screen) => self.enter(screen),
                None => self.leave(),
            },
        }
    }

    /// Opens a screen, or leaves it where it is open already.
    pub(super) fn show(&mut self, screen: Screen) {
        let open = self.screen == screen;
        self.leave();
        if !open {
            self.enter(screen);
        }
    }

    /// Back to the nodes, whatever is open.
    pub(super) fn leave(&mut self) {
        self.trail.clear();
        self.on_current(|cluster| cluster.open_node(None));
        self.enter(Screen::Nodes);
    }

    /// Copies the name of what is selected or open, as a word of a shell; or the YAML that is shown, as it stands.
    pub(super) fn copy(&mut self, now: Now) -> Option<Effect> {
        // What has come since the last frame may have put another pod in the selected one's place.
        self.on_current(ClusterState::arrange_pods);
        let document = self.current().inspected().and_then(|inspected| inspected.document());
        let (text, what) = match (&self.screen, document) {
            (Screen::Yaml { .. }, None) => return self.notify(now, "there is no YAML to copy yet"),
            (Screen::Yaml { subject }, Some(document)) => {
                let mut text = String::new();
                for line in &document.lines {
                    text.push_str(line);
                    text.push('\n');
                }
                let cut = if document.cut == 0 { String::new() } else { format!(", {} of them cut", document.cut) };
                (text, format!("YAML of {}, {} lines{cut}", subject.title(), document.lines.len()))
            }
            _ => {
                let Some(subject) = self.subject() else { return self.notify(now, "nothing is selected") };
                let name = shell_word(subject.name()).into_owned();
                let what = format!("`{name}`");
                (name, what)
            }
        };
        if text.len() > COPY_BYTES {
            let (size, most) = (text.len().div_ceil(1000), COPY_BYTES / 1000);
            return self
                .notify(now, &format!("not copied: {size} kB, and terminals take {most} kB; use kubectl get -o yaml"));
        }
        self.notify(now, &format!("sent to the terminal's clipboard: {what}"));
        Some(Effect::Copy { text })
    }

    /// The clusters' tasks look at what the screen shows: the effect that makes it so, if it is not so yet.
    pub(super) fn follow_screen(&mut self) -> Option<Effect> {
        let wanted = self.inspection();
        if self.inspecting == wanted {
            return None;
        }
        let uid = match &self.screen {
            Screen::Pod { namespace, name } => {
                let selected = self.current().selected_pod();
                selected.filter(|pod| pod.namespace == *namespace && pod.name == *name).map(|pod| pod.uid)
            }
            _ => None,
        };
        for (id, cluster) in (0..=u16::MAX).map(ClusterId).zip(&mut self.clusters) {
            let of = wanted.as_ref().filter(|(of, _)| *of == id).map(|(_, inspection)| inspection);
            cluster.inspect(of.map(|of| &of.subject), of.is_some_and(|of| of.yaml), uid);
        }
        self.inspecting.clone_from(&wanted);
        Some(wanted.map_or(Effect::EndInspection, |(id, inspection)| Effect::Inspect(id, Box::new(inspection))))
    }

    /// `/` edits the filter of the rows that are on the screen, if there are any.
    pub(super) fn open_filter(&mut self) {
        match &mut self.screen {
            Screen::Nodes => self.mode = Mode::Filter,
            Screen::Node { pane, .. } => {
                *pane = NodePane::Pods;
                self.mode = Mode::Filter;
            }
            _ => {}
        }
    }

    fn inspection(&self) -> Option<(ClusterId, Inspection)> {
        let subject = match &self.screen {
            // The events of a node belong to the node, whichever of its pods is selected.
            Screen::Node { name, .. } => Subject::Node { name: name.clone() },
            Screen::Pod { .. } | Screen::Yaml { .. } => self.subject()?,
            _ => return None,
        };
        let yaml = matches!(self.screen, Screen::Yaml { .. });
        Some((self.current_id(), Inspection { subject, yaml }))
    }

    /// The object that keys mean: the one that is open, or the selected one.
    fn subject(&self) -> Option<Subject> {
        match &self.screen {
            Screen::Nodes => self.current().selected_name().map(|name| Subject::Node { name: name.clone() }),
            Screen::Node { name, pane } => {
                // Without a pod that could be meant the node is.
                let pod = self.current().selected_pod().filter(|_| *pane == NodePane::Pods);
                let node = || Subject::Node { name: name.clone() };
                Some(pod.map_or_else(node, |pod| Subject::Pod { namespace: pod.namespace, name: pod.name }))
            }
            Screen::Pod { namespace, name } => Some(Subject::Pod { namespace: namespace.clone(), name: name.clone() }),
            Screen::Yaml { subject } => Some(subject.clone()),
            _ => None,
        }
    }

    fn descend(&mut self, screen: Screen) {
        let below = std::mem::replace(&mut self.screen, Screen::Nodes);
        if below != Screen::Nodes {
            self.trail.push(below);
        }
        self.enter(screen);
    }

    fn enter(&mut self, screen: Screen) {
        self.pane_scroll = 0;
        self.screen = screen;
    }

    /// Says what was just done, for a few seconds.
    pub(super) fn notify(&mut self, now: Now, text: &str) -> Option<Effect> {
        self.note(text, now);
        None
    }
}

#[cfg(test)]
mod tests;
