//! Plays the steps of a scenario on one cluster.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::change::Change;
use super::fault::FaultKind;
use super::scenario::{Act, Scenario, ScenarioCluster, ScriptStep};
use super::server::Server;

/// An action of the script.
#[derive(Clone, Debug)]
enum Cue {
    BeginFault(usize),
    EndFault(usize),
    Apply(Change),
    CloseWatches(Option<String>),
}

/// Plays the steps that are for a cluster.
pub(super) fn spawn(server: &Arc<Server>, spec: &ScenarioCluster, scenario: &Scenario) {
    let steps: Vec<ScriptStep> = scenario.steps.iter().filter(|step| step.concerns(spec)).cloned().collect();
    if steps.is_empty() {
        return;
    }
    let repeat = scenario.repeat;
    let cues = timeline(&steps, repeat);
    let mut player = Player { server: Arc::clone(server), steps, running: Vec::new() };
    // What holds from the beginning must meet the first request too.
    let at_once = cues.iter().take_while(|(at, _)| at.is_zero()).count();
    cues[..at_once].iter().for_each(|(_, cue)| player.give(cue));
    let mut round = Instant::now();
    let mut next = at_once;
    server.spawn(async move {
        loop {
            for (at, cue) in &cues[next..] {
                tokio::time::sleep_until(round + *at).await;
                player.give(cue);
            }
            let Some(repeat) = repeat else { return };
            round += repeat;
            next = 0;
            tokio::time::sleep_until(round).await;
        }
    });
}

/// Gives the cues of one cluster.
struct Player {
    server: Arc<Server>,
    steps: Vec<ScriptStep>,
    /// Faults in force: index of the step, number of the fault.
    running: Vec<(usize, u64, FaultKind)>,
}

impl Player {
    fn give(&mut self, cue: &Cue) {
        match cue {
            Cue::BeginFault(index) => {
                if let Act::Fault(fault) = &self.steps[*index].act {
                    self.running.push((*index, self.server.begin_fault(fault.clone()), fault.kind.clone()));
                }
            }
            Cue::EndFault(index) => {
                while let Some(at) = self.running.iter().position(|(i, ..)| i == index) {
                    let (_, id, kind) = self.running.swap_remove(at);
                    self.server.end_fault(id, &kind);
                }
            }
            Cue::Apply(change) => self.server.apply(change),
            Cue::CloseWatches(resource) => self.server.close_watches(resource.as_deref()),
        }
    }
}

/// All cues in the order of time; those of one moment keep the order of the file, ends before beginnings.
fn timeline(steps: &[ScriptStep], repeat: Option<Duration>) -> Vec<(Duration, Cue)> {
    let mut cues = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        // Without an end of its own a step lasts for the whole round; without rounds, for ever.
        let until = step.until.or(repeat).map(|until| repeat.map_or(until, |repeat| until.min(repeat)));
        let mut add = |at: Duration, cue: Cue| cues.push((at, cue));
        let mut pair = |begin: Change, end: Change| {
            add(step.at, Cue::Apply(begin));
            if let Some(until) = until {
                add(until, Cue::Apply(end));
            }
        };
        match &step.act {
            Act::NodeLost { node } => {
                let node = node.get_ref().clone();
                pair(Change::NodeLost { node: node.clone() }, Change::NodeRecovered { node });
            }
            Act::GpusWithdrawn { node, count } => {
                let node = node.get_ref().clone();
                pair(
                    Change::GpusWithdrawn { node: node.clone(), count: *count },
                    Change::GpusWithdrawn { node, count: 0 },
                );
            }
            Act::Cordon { node } => {
                let node = node.get_ref().clone();
                pair(Change::Cordon { node: node.clone() }, Change::Uncordon { node });
            }
            Act::PodsBurst { count } => pair(Change::PodsBurst { count: *count }, Change::PodsBurstOver),
            Act::Flap { node, period } => {
                let node = node.get_ref();
                let until = until.unwrap_or(step.at + *period * 1000);
                let mut at = step.at;
                while at < until {
                    add(at, Cue::Apply(Change::NodeNotReady { node: node.clone() }));
                    add((at + *period / 2).min(until), Cue::Apply(Change::NodeRecovered { node: node.clone() }));
                    at += *period;
                }
            }
            Act::CloseWatches { resource } => add(step.at, Cue::CloseWatches(resource.clone())),
            Act::Fault(_) => {
                add(step.at, Cue::BeginFault(index));
                if let Some(until) = until {
                    add(until, Cue::EndFault(index));
                }
            }
        }
    }
    cues.sort_by_key(|(at, cue)| (*at, !matches!(cue, Cue::EndFault(_))));
    cues
}
