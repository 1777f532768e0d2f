//! The queue of namespace requests: many namespaces must not cause more load than one list (F23).
//!
//! The loops of the namespaces are independent. Their requests queue here: one list and one opening of a watch is in
//! flight at a time, an error of the server delays the next request, of whichever namespace, and new lists and watches
//! have a rate limit, so that even a server that answers each of them at once gets few.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::classify::RequestError;
use super::deadline::Backoff;
use super::tuning::Tuning;
use crate::msg::Layer;

/// 2 s between two new lists or watches in the long run: with the probes, the nodes and the optional APIs less than a
/// request a second, however many namespaces there are. A watch lives for three minutes, so 32 of them need one in 5 s.
const START_EVERY: Duration = Duration::from_secs(2);
/// Lists and watches of each namespace that may begin at once before the limit applies: those of the start, and of one
/// refresh.
const STARTS_EACH: u32 = 4;

/// Kind of request that queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// A page of a list; `first` begins one.
    List {
        /// `true` for the first page.
        first: bool,
    },
    /// The opening of a watch, until its headers.
    Watch,
}

/// The queue of one cluster's namespaces.
#[derive(Debug)]
pub(super) struct RequestQueue {
    lists: Semaphore,
    watches: Semaphore,
    pace: Mutex<QueuePace>,
    /// End of the pause: no request is sent before.
    closed: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
struct QueuePace {
    backoff: Backoff,
    rng: fastrand::Rng,
    /// Time when the next list or watch would begin at the limited rate (GCRA, ITU-T I.371).
    next: Instant,
    /// Time by which a start may precede that.
    ahead: Duration,
}

/// A turn: until it is dropped, no other request of its lane starts.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    queue: &'a RequestQueue,
    _permit: Option<SemaphorePermit<'a>>,
}

impl RequestQueue {
    pub(super) fn new(tuning: &Tuning) -> Self {
        let starts = u32::try_from(tuning.namespaces.len()).unwrap_or(u32::MAX).saturating_mul(STARTS_EACH);
        let ahead = START_EVERY.saturating_mul(starts);
        let rng = tuning.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let pace = QueuePace { backoff: Backoff::new(tuning), rng, next: Instant::now(), ahead };
        let (lists, watches) = (Semaphore::new(1), Semaphore::new(1));
        Self { lists, watches, pace: Mutex::new(pace), closed: watch::channel(None).0 }
    }

    /// Waits for a turn. A turn that is dropped, or whose wait is, passes to the next in the queue.
    pub(super) async fn take(&self, lane: Lane) -> Turn<'_> {
        let queue = if lane == Lane::Watch { &self.watches } else { &self.lists };
        // The semaphore is never closed; without a permit the requests would only be less gentle.
        let permit = queue.acquire().await.ok();
        let mut closed = self.closed.subscribe();
        loop {
            let until = *closed.borrow_and_update();
            let Some(until) = until.filter(|until| *until > Instant::now()) else { break };
            tokio::select! {
                () = sleep_until(until) => {}
                _ = closed.changed() => {}
            }
        }
        if lane != (Lane::List { first: false }) {
            let wait = self.pace().start(Instant::now());
            sleep(wait).await;
        }
        Turn { queue: self, _permit: permit }
    }

    /// Ends the pause: the user requests it, or something has changed.
    pub(super) fn open(&self) {
        self.closed.send_replace(None);
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, QueuePace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueuePace {
    /// Reserves one start; returns the wait for it.
    fn start(&mut self, now: Instant) -> Duration {
        self.next = self.next.max(now) + START_EVERY;
        self.next.saturating_duration_since(now).saturating_sub(self.ahead)
    }
}

impl Turn<'_> {
    /// Ends the turn with the request's result.
    pub(super) fn end<T>(self, result: &Result<T, RequestError>) {
        let mut pace = self.queue.pace();
        match result {
            Ok(_) => pace.backoff.reset(),
            // The server works: its answer concerns this namespace alone.
            Err(error) if error.layer == Layer::Rbac || error.is_gone() || error.code == Some(404) => {
                pace.backoff.reset();
            }
            Err(error) => {
                let jitter = pace.rng.f64();
                let wait = pace.backoff.next(jitter).max(error.retry_after.unwrap_or_default());
                self.queue.closed.send_replace(Some(Instant::now() + wait));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::text::Clean;

    fn turns(namespaces: usize) -> RequestQueue {
        let namespaces = (0..namespaces).map(|n| Clean::new(&format!("team-{n}"))).collect();
        RequestQueue::new(&Tuning { namespaces, seed: Some(1), ..Tuning::default() })
    }

    const PAGE: Lane = Lane::List { first: false };

    #[tokio::test(start_paused = true)]
    async fn one_list_is_on_its_way_at_a_time_and_the_next_begins_when_it_ends() {
        let turns = turns(3);
        let first = turns.take(PAGE).await;
        let waits = tokio::time::timeout(Duration::from_secs(60), turns.take(PAGE)).await;
        assert!(waits.is_err(), "the first one still runs");
        first.end(&Ok(()));
        let begun = Instant::now();
        turns.take(PAGE).await.end(&Ok(()));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_of_one_is_a_pause_for_all_and_a_right_that_lacks_is_none() {
        let turns = turns(3);
        let begun = Instant::now();
        turns.take(PAGE).await.end::<()>(&Err(RequestError::new(Layer::Rbac, "no")));
        turns.take(PAGE).await.end::<()>(&Err(RequestError::new(Layer::Connect, "refused")));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        turns.take(Lane::Watch).await.end(&Ok(()));
        let tuning = Tuning::default();
        assert!(begun.elapsed() >= tuning.backoff_first, "{:?}", begun.elapsed());
        assert!(begun.elapsed() <= tuning.backoff_first * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_is_not_wanted_any_more_ends_at_once() {
        let turns = turns(3);
        let refused =
            RequestError { retry_after: Some(Duration::from_secs(50)), ..RequestError::new(Layer::Throttled, "429") };
        turns.take(PAGE).await.end::<()>(&Err(refused));
        let begun = Instant::now();
        let (turn, ()) = tokio::join!(turns.take(PAGE), async {
            sleep(Duration::from_secs(3)).await;
            turns.open();
        });
        drop(turn);
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn new_watches_come_at_their_rate_once_those_of_the_start_are_open() {
        let turns = turns(3);
        let begun = Instant::now();
        for _ in 0..12 {
            turns.take(Lane::Watch).await.end(&Ok(()));
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            turns.take(Lane::Watch).await.end(&Ok(()));
        }
        assert_eq!(begun.elapsed(), START_EVERY * 10);
        for _ in 0..100 {
            turns.take(PAGE).await.end(&Ok(()));
        }
        assert_eq!(begun.elapsed(), START_EVERY * 10, "the pages of a long list have no rate");
    }
}
