//! Silence of a server: from the first probe without an answer to the next answer, which wakes every wait.
//!
//! Once a probe succeeds, a list or a watch need not wait for the end of its backoff, and a request that was sent
//! during the silence may hang on a dead connection for another half minute.

use std::time::Duration;

use tokio::sync::watch;

use crate::msg::{Layer, Mono, ProbeOutcome, ProbeSeries};

/// Time within which woken requests start, each at a random moment.
pub(crate) const SPREAD: Duration = Duration::from_secs(1);

/// The last period without an answer to the ping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerSilence {
    /// Tick of the first missed ping.
    pub(crate) from: Mono,
    /// Time of the first answered ping after it.
    pub(crate) to: Mono,
}

/// Wakes the tasks of a cluster when its server answers again.
#[derive(Debug)]
pub(crate) struct Wake(watch::Sender<ServerSilence>);

impl Default for Wake {
    fn default() -> Self {
        Self(watch::channel(ServerSilence::default()).0)
    }
}

impl Wake {
    /// The ends of silence from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<ServerSilence> {
        self.0.subscribe()
    }

    /// Reports an answered probe of this series, after those from `from` on were missed.
    pub(crate) fn answered(&self, series: ProbeSeries, from: Mono, now: Mono) {
        // If only the work probe was missed while the ping was answered, no connection is dead.
        self.0.send_modify(|silence| {
            if series == ProbeSeries::Ping {
                *silence = ServerSilence { from, to: now };
            }
        });
    }
}

/// Missed probes of one series, in a row.
#[derive(Debug, Default)]
pub(crate) struct Missed(Option<Mono>);

impl Missed {
    /// Records a probe; returns the tick of the first missed one if this is the first answer after it.
    ///
    /// A server that throttles is not silent: it has requested the wait.
    pub(crate) fn note(&mut self, tick: Mono, outcome: &ProbeOutcome) -> Option<Mono> {
        match outcome {
            ProbeOutcome::Answered { .. } => self.0.take(),
            ProbeOutcome::Failed { layer: Layer::Throttled, .. } => None,
            ProbeOutcome::TimedOut { .. } | ProbeOutcome::Failed { .. } => {
                self.0.get_or_insert(tick);
                None
            }
        }
    }
}

/// `true` for failures whose backoff may be skipped once the server answers. Waits that the server requested,
/// and those for permissions and credentials, are not skipped.
pub(crate) fn ends_with_silence(layer: Layer) -> bool {
    use Layer::{Auth, Config, Credentials, Internal, Rbac, Throttled, Warning, Watch};
    !matches!(layer, Auth | Config | Credentials | Internal | Rbac | Throttled | Warning | Watch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn mono(secs: u64) -> Mono {
        Mono(SECOND * u32::try_from(secs).unwrap())
    }

    #[test]
    fn the_first_answer_after_missed_probes_ends_the_silence_and_a_throttled_one_does_not() {
        let (answered, timed_out) =
            (ProbeOutcome::Answered { latency: SECOND }, ProbeOutcome::TimedOut { at_least: SECOND });
        let failed = |layer| ProbeOutcome::Failed { after: SECOND, layer };
        let mut missed = Missed::default();
        assert_eq!(missed.note(mono(0), &answered), None, "it was never silent");
        assert_eq!(missed.note(mono(5), &failed(Layer::Throttled)), None);
        assert_eq!(missed.note(mono(10), &answered), None, "it only asked for patience");
        assert_eq!(missed.note(mono(15), &timed_out), None);
        assert_eq!(missed.note(mono(20), &failed(Layer::Connect)), None);
        assert_eq!(missed.note(mono(25), &answered), Some(mono(15)));
        assert_eq!(missed.note(mono(30), &answered), None, "once");
    }

    #[test]
    fn the_work_probe_wakes_and_says_nothing_of_connections() {
        let wake = Wake::default();
        let mut woken = wake.subscribe();
        wake.answered(ProbeSeries::Ping, mono(5), mono(20));
        assert_eq!(*woken.borrow_and_update(), ServerSilence { from: mono(5), to: mono(20) });
        wake.answered(ProbeSeries::Work, mono(5), mono(40));
        assert!(woken.has_changed().unwrap());
        assert_eq!(*woken.borrow_and_update(), ServerSilence { from: mono(5), to: mono(20) });
    }
}
