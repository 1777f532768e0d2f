//! Runs the steps of a scenario on one cluster.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::change::Change;
use super::fault::FaultKind;
use super::scenario::{Scenario, ScenarioCluster, ScriptStep, StepKind};
use super::server::Server;

/// One event of the script's timeline.
#[derive(Clone, Debug)]
enum ScriptEvent {
    BeginFault(usize),
    EndFault(usize),
    Apply(Change),
    CloseWatches(Option<String>),
}

/// Runs the steps that apply to a cluster.
pub(super) fn spawn(server: &Arc<Server>, spec: &ScenarioCluster, scenario: &Scenario) {
    let steps: Vec<ScriptStep> = scenario.steps.iter().filter(|step| step.applies_to(spec)).cloned().collect();
    if steps.is_empty() {
        return;
    }
    let repeat = scenario.repeat;
    let cues = timeline(&steps, repeat);
    let mut player = ScriptRunner { server: Arc::clone(server), steps, running: Vec::new() };
    // Faults and changes at time 0 must affect even the first request.
    let at_once = cues.iter().take_while(|(at, _)| at.is_zero()).count();
    cues[..at_once].iter().for_each(|(_, cue)| player.run(cue));
    let mut round = Instant::now();
    let mut next = at_once;
    server.spawn(async move {
        loop {
            for (at, cue) in &cues[next..] {
                tokio::time::sleep_until(round + *at).await;
                player.run(cue);
            }
            let Some(repeat) = repeat else { return };
            round += repeat;
            next = 0;
            tokio::time::sleep_until(round).await;
        }
    });
}

/// Runner of the script events of one cluster.
struct ScriptRunner {
    server: Arc<Server>,
    steps: Vec<ScriptStep>,
    /// Faults in force: index of the step, number of the fault.
    running: Vec<(usize, u64, FaultKind)>,
}

impl ScriptRunner {
    fn run(&mut self, cue: &ScriptEvent) {
        match cue {
            ScriptEvent::BeginFault(index) => {
                if let StepKind::Fault(fault) = &self.steps[*index].kind {
                    self.running.push((*index, self.server.begin_fault(fault.clone()), fault.kind.clone()));
                }
            }
            ScriptEvent::EndFault(index) => {
                while let Some(at) = self.running.iter().position(|(i, ..)| i == index) {
                    let (_, id, kind) = self.running.swap_remove(at);
                    self.server.end_fault(id, &kind);
                }
            }
            ScriptEvent::Apply(change) => self.server.apply(change),
            ScriptEvent::CloseWatches(resource) => self.server.close_watches(resource.as_deref()),
        }
    }
}

/// All events in order of time. At the same time the ends of faults come first; others keep the order of the file.
fn timeline(steps: &[ScriptStep], repeat: Option<Duration>) -> Vec<(Duration, ScriptEvent)> {
    let mut cues = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        // A step without an end lasts until the script repeats; if it does not repeat, until the simulation ends.
        let until = step.until.or(repeat).map(|until| repeat.map_or(until, |repeat| until.min(repeat)));
        let mut add = |at: Duration, cue: ScriptEvent| cues.push((at, cue));
        let mut pair = |begin: Change, end: Change| {
            add(step.at, ScriptEvent::Apply(begin));
            if let Some(until) = until {
                add(until, ScriptEvent::Apply(end));
            }
        };
        match &step.kind {
            StepKind::NodeLost { node } => {
                let node = node.get_ref().clone();
                pair(Change::NodeLost { node: node.clone() }, Change::NodeRecovered { node });
            }
            StepKind::GpusWithdrawn { node, count } => {
                let node = node.get_ref().clone();
                pair(
                    Change::GpusWithdrawn { node: node.clone(), count: *count },
                    Change::GpusWithdrawn { node, count: 0 },
                );
            }
            StepKind::Cordon { node } => {
                let node = node.get_ref().clone();
                pair(Change::Cordon { node: node.clone() }, Change::Uncordon { node });
            }
            StepKind::PodsBurst { count } => pair(Change::PodsBurst { count: *count }, Change::PodsBurstOver),
            StepKind::BlackHole { node, period, workloads } => {
                let until = until.unwrap_or(step.at + *period * 1000);
                let mut at = step.at;
                while at < until {
                    let (node, workloads) = (node.get_ref().clone(), workloads.clone());
                    add(at, ScriptEvent::Apply(Change::BlackHole { node, workloads }));
                    at += *period;
                }
                add(until, ScriptEvent::Apply(Change::BlackHoleOver));
            }
            StepKind::Flap { node, period } => {
                let node = node.get_ref();
                let until = until.unwrap_or(step.at + *period * 1000);
                let mut at = step.at;
                while at < until {
                    add(at, ScriptEvent::Apply(Change::NodeNotReady { node: node.clone() }));
                    add(
                        (at + *period / 2).min(until),
                        ScriptEvent::Apply(Change::NodeRecovered { node: node.clone() }),
                    );
                    at += *period;
                }
            }
            StepKind::CloseWatches { resource } => add(step.at, ScriptEvent::CloseWatches(resource.clone())),
            StepKind::Fault(_) => {
                add(step.at, ScriptEvent::BeginFault(index));
                if let Some(until) = until {
                    add(until, ScriptEvent::EndFault(index));
                }
            }
        }
    }
    cues.sort_by_key(|(at, cue)| (*at, !matches!(cue, ScriptEvent::EndFault(_))));
    cues
}
