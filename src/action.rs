//! The `actions!` table: every action with its name, default keys, group and help line. Dispatch, footer, help, the docs/keys.md
//! table and the config template are made from it. A row with `opens` also declares a [`TopScreen`], which its key opens from
//! every other screen.

use serde::{Deserialize, Serialize};

/// Declares [`Action`] and its table in one place.
macro_rules! actions {
    ($($group:literal {
        $($variant:ident $name:literal [$($key:literal),*] $help:literal $(opens $screen:ident)?),* $(,)?
    })*) => {
        /// Meaning of a key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Action {
            $($(#[doc = $help] #[serde(rename = $name)] $variant,)*)*
        }

        /// Screen that a key opens from every other screen, and closes again: it shows one cluster or all of them, not a single
        /// object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum TopScreen {
            $($($(#[doc = $help] $screen,)?)*)*
        }

        impl Action {
            /// The screen that the action opens.
            #[must_use]
            pub fn opens(self) -> Option<TopScreen> {
                match self {
                    $($($(Self::$variant => Some(TopScreen::$screen),)?)*)*
                    _ => None,
                }
            }
        }

        /// The table, in the order of the help screen.
        pub const ACTIONS: &[ActionRow] = &[
            $($(ActionRow { action: Action::$variant, name: $name, keys: &[$($key),*], group: $group, help: $help },)*)*
        ];
    };
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionRow {
    /// The action.
    pub action: Action,
    /// Its name in the config file; kebab-case.
    pub name: &'static str,
    /// Default keys as the config file spells them: `j`, `ctrl-d`, `pagedown`, `shift-tab`.
    pub keys: &'static [&'static str],
    /// Heading on the help screen.
    pub group: &'static str,
    /// Its line on the help screen; lower case.
    pub help: &'static str,
}

actions! {
    "move" {
        Down "down" ["j", "down"] "next row",
        Up "up" ["k", "up"] "previous row",
        PageDown "page-down" ["ctrl-d", "pagedown", "ctrl-f"] "a page down",
        PageUp "page-up" ["ctrl-u", "pageup"] "a page up",
        Top "top" ["g", "home"] "first row",
        Bottom "bottom" ["G", "end"] "last row",
    }
    "go" {
        Open "open" ["enter"] "open the row or read it all",
        Back "back" ["esc", "backspace"] "back; clears the filter",
        NextCluster "next-cluster" ["tab"] "next cluster",
        PreviousCluster "previous-cluster" ["shift-tab"] "previous cluster",
        Cluster1 "cluster-1" ["1"] "first cluster",
        Cluster2 "cluster-2" ["2"] "second cluster",
        Cluster3 "cluster-3" ["3"] "third cluster",
        Cluster4 "cluster-4" ["4"] "fourth cluster",
        Cluster5 "cluster-5" ["5"] "fifth cluster",
        Cluster6 "cluster-6" ["6"] "sixth cluster",
        Cluster7 "cluster-7" ["7"] "seventh cluster",
        Cluster8 "cluster-8" ["8"] "eighth cluster",
        Cluster9 "cluster-9" ["9"] "ninth cluster",
        Api "api" ["a"] "API latency, calls, failures" opens Api,
        Gpus "gpus" ["u"] "GPUs: groups, fits, held" opens Gpus,
        Alerts "alerts" ["!"] "all alerts of all clusters" opens Alerts,
        Trouble "trouble" ["t"] "pods in trouble, then all" opens Trouble,
        Gangs "gangs" ["W"] "gangs, the worst first" opens Gangs,
        Yaml "yaml" ["y"] "YAML of the node or pod",
        ShowValues "show-values" ["v"] "show or mask env values",
        Copy "copy" ["c", "Y"] "copy its name, or the YAML",
        NextPane "next-pane" ["]", "right"] "next pane or grouping",
        PreviousPane "previous-pane" ["[", "left", "h"] "previous pane or grouping",
        Node "node" ["n"] "the node of a pod or claim",
        Owner "owner" ["o"] "the pods of a pod's owner",
        LogIn "log-in" ["L"] "log in: run the plugin here",
    }
    "rows" {
        Filter "filter" ["/"] "filter rows: words, !word, status:notready, gpu<8",
        SortNext "sort-next" ["s", ">"] "sort by the next column",
        SortPrevious "sort-previous" ["<"] "sort by the previous column",
        SortReverse "sort-reverse" ["S"] "reverse the order",
        SortName "sort-name" ["N"] "sort by name",
        SortStatus "sort-status" ["T"] "sort by status, worst first",
        SortPods "sort-pods" ["P"] "sort by pod density, fullest first",
        SortRestarts "sort-restarts" ["R"] "sort pods by restarts, most first",
        SortGpu "sort-gpu" ["U"] "sort by free GPUs, most first",
        SortCpu "sort-cpu" ["C"] "sort by CPU requested, most first",
        SortMemory "sort-memory" ["M"] "sort by memory requested, most first",
        SortAge "sort-age" ["A"] "sort by age, youngest first",
        Hold "hold" ["space"] "freeze row order; values stay live",
        Wide "wide" ["w"] "more columns: address, OS, kernel, runtime",
    }
    "alerts" {
        Acknowledge "acknowledge" ["x"] "acknowledge / undo",
        Silence "silence" ["z"] "silence the cluster 30m / unsilence",
    }
    "program" {
        Help "help" ["?", "f1"] "this help",
        Refresh "refresh" ["r", "ctrl-r"] "retry now and list again",
        Redraw "redraw" ["ctrl-l"] "draw the screen again",
        Suspend "suspend" ["ctrl-z"] "suspend to the shell",
        Quit "quit" ["q"] "quit; on any other screen: back",
        ForceQuit "force-quit" ["ctrl-c"] "quit from anywhere",
    }
}

impl Action {
    /// This action's row of the table.
    ///
    /// # Panics
    /// Never: the macro writes a row for every action.
    #[must_use]
    pub fn entry(self) -> &'static ActionRow {
        ACTIONS.iter().find(|entry| entry.action == self).expect("the macro writes a row for every action")
    }

    /// Index of the cluster that a digit key names, from 0.
    #[must_use]
    pub fn cluster_index(self) -> Option<usize> {
        let first = Self::Cluster1 as usize;
        (first..=Self::Cluster9 as usize).contains(&(self as usize)).then(|| self as usize - first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_has_two_meanings_by_default() {
        let mut seen = HashSet::new();
        for key in ACTIONS.iter().flat_map(|entry| entry.keys) {
            assert!(seen.insert(key), "`{key}` is bound twice");
        }
    }

    #[test]
    fn keys_that_are_kept_for_logs_timeline_palette_and_fleet_are_free() {
        for entry in ACTIONS {
            assert!(!entry.keys.iter().any(|key| ["l", "p", "e", ":", "0"].contains(key)), "{}", entry.name);
        }
    }

    #[test]
    fn names_are_unique_and_kebab_case() {
        let mut seen = HashSet::new();
        for entry in ACTIONS {
            assert!(seen.insert(entry.name));
            assert!(
                entry.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{}",
                entry.name
            );
            assert_eq!(serde_json::to_value(entry.action).unwrap(), entry.name, "the table and the recording disagree");
        }
    }

    #[test]
    fn digits_name_clusters_from_zero() {
        assert_eq!(Action::Cluster1.cluster_index(), Some(0));
        assert_eq!(Action::Cluster9.cluster_index(), Some(8));
        assert_eq!(Action::NextPane.cluster_index(), None);
    }
}
