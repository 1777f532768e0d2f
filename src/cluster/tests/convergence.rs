//! Convergence: after any behaviour of a server and any fault of its answers, the model equals its state once it is healthy.
//!
//! No sockets: a simulated server, the state machine, the decoders and the model, driven by a seed.
//! `WATCHBELL_SEQUENCES` sets the number of sequences, `WATCHBELL_SEED` plays one of them again, with its log on
//! stderr. They are played with the pods of the whole cluster, and with those of two namespaces.

use std::collections::VecDeque;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::*;
use crate::cluster::classify::RequestError;
use crate::cluster::reflector::{
    PageNews, Reflector, ReflectorEffect, ReflectorInput, StepContext, WatchEnd, WatchNews, WatchRequest,
};
use crate::facts::node::{self, Readiness};
use crate::facts::pod::{self, PodBatch, PodPhase};
use crate::facts::wire::{Uid, WatchType, bookmark_version, decode_frame};
use crate::model::app::Model;
use crate::model::settings::{ClusterSpec, Settings};
use crate::model::store::scope::Scope;
use crate::msg::{NodeChange, Now, PageHead};

mod server;

use server::{Key, Object, Server, any_error, gone, too_large};

/// Short sequences of `cargo test`; a run of 10,000 takes less than a minute in debug.
const SEQUENCES: u64 = 500;
/// Random moves of one sequence before the server is healthy again.
const MOVES: usize = 120;
/// Time for which the server is healthy before the model is compared: longer than any wait of ours (a denied list, 330 s;
/// the rest of a watch with a skipped event, 220 s) and the list after it.
const WELL: Duration = Duration::from_secs(900);

/// An open watch, or one that is being opened.
struct Stream {
    request: WatchRequest,
    open: bool,
    at: u64,
    /// Set once it is silent without an end (F45).
    silent: bool,
    since: Duration,
    last_event: Duration,
    /// Objects still to come of the initial list, and its pages so far; `None` once its bookmark is sent.
    initial: Option<(VecDeque<(Key, Object)>, u32)>,
}

/// The loop of one resource with its server.
struct Side {
    server: Server,
    machine: Reflector,
    page: Option<Result<(String, PageNews), RequestError>>,
    token: Option<String>,
    watch: Option<Stream>,
    /// Lists may come as watches.
    streams: bool,
    /// Index of its namespace among the watched ones.
    place: Option<u16>,
}

struct Play {
    sides: Vec<Side>,
    model: Model,
    now: Duration,
    rng: fastrand::Rng,
    log: String,
    verbose: bool,
}

impl Play {
    /// Nodes and all pods; or nodes, and the pods of two namespaces, each listed by itself (F23).
    fn new(seed: u64, scoped: bool, verbose: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let tuning = Arc::new(Tuning { page_sizes: vec![5, 3, 2, 1], ..Tuning::default() });
        let namespaces = if scoped { vec![Some("a"), Some("b")] } else { vec![None] };
        let pods =
            (0_u16..).zip(namespaces.iter().copied()).map(|(place, namespace)| (Resource::Pods, place, namespace));
        let sides = std::iter::once((Resource::Nodes, 0, None)).chain(pods).map(|(of, place, namespace)| {
            let machine = Reflector::new(of, tuning.clone(), rng.u64(..));
            let (server, place) = (Server::new(of, namespace), namespace.map(|_| place));
            Side { server, machine, page: None, token: None, watch: None, streams: rng.bool(), place }
        });
        let sides: Vec<Side> = sides.collect();
        let spec = ClusterSpec { context: Clean::new("c"), broken: None };
        let scope = Scope { namespaces: namespaces.into_iter().flatten().map(Clean::new).collect(), example: None };
        let model = Model::new(vec![spec], Settings::default()).with_scopes([scope]);
        let mut play = Self { sides, model, now: secs(100), rng, log: String::new(), verbose };
        for side in 0..play.sides.len() {
            for _ in 0..play.rng.u8(..12) {
                play.sides[side].server.change(&mut play.rng);
            }
            play.step(side, ReflectorInput::Start, None);
        }
        play
    }

    fn clocks(&self) -> Now {
        let wall = Timestamp::from_millisecond(i64::try_from(self.now.as_millis()).unwrap()).unwrap();
        Now { mono: Mono(self.now), wall }
    }

    fn deliver(&mut self, side: usize, event: ClusterEvent) {
        let event = match (self.sides[side].place, event) {
            (_, event @ ClusterEvent::Failed(_)) | (None, event) => event,
            (Some(place), event) => ClusterEvent::Namespaced { index: place, event: Box::new(event) },
        };
        if self.verbose {
            let _ = writeln!(self.log, "{:?} told {event:?}", self.now);
        }
        let now = self.clocks();
        self.model.update(Msg::Cluster(ClusterId(0), event), now);
    }

    fn step(&mut self, side: usize, input: ReflectorInput, mut batch: Option<Batch>) {
        if self.verbose {
            let _ = writeln!(self.log, "{:?} {} {input:?}", self.now, self.sides[side].server.of.name());
        }
        let moment = StepContext {
            now: self.clocks(),
            page_deadline: secs(30),
            answering: self.rng.u8(..4) > 0,
            watch_list: self.sides[side].streams,
        };
        for effect in self.sides[side].machine.step(moment, input) {
            let at = &mut self.sides[side];
            match effect {
                ReflectorEffect::Fetch(request) => {
                    assert!(at.page.is_none(), "two pages in flight");
                    at.token.clone_from(&request.token);
                    // The answer holds the state at the time of the request, also when it arrives late.
                    at.page = Some(at.server.page(&request));
                }
                ReflectorEffect::Abandon => at.page = None,
                ReflectorEffect::Open(request) => {
                    assert!(at.watch.is_none(), "two watches");
                    let (since, last_event) = (self.now, self.now);
                    let at_version = if request.initial { 0 } else { request.version.parse().unwrap() };
                    let initial = request.initial.then(|| (VecDeque::new(), 0));
                    at.watch = Some(Stream {
                        at: at_version,
                        request,
                        open: false,
                        silent: false,
                        since,
                        last_event,
                        initial,
                    });
                }
                ReflectorEffect::Close => at.watch = None,
                ReflectorEffect::Publish(page) => self.deliver(
                    side,
                    ClusterEvent::Page {
                        resource: self.sides[side].server.of,
                        head: PageHead {
                            generation: page.generation,
                            page: page.page,
                            remaining: None,
                            bytes: 1,
                            unreadable: 0,
                        },
                        batch: batch.take().expect("a page is published once"),
                    },
                ),
                ReflectorEffect::Emit(event) => self.deliver(side, event),
                ReflectorEffect::Renew => {}
                ReflectorEffect::NoWatchList => at.streams = false,
            }
        }
    }

    fn answer_page(&mut self, side: usize) {
        match self.sides[side].page.take() {
            None => {}
            Some(Err(error)) => self.step(side, ReflectorInput::PageFailed(error), None),
            Some(Ok((body, news))) => {
                let batch = match self.sides[side].server.of {
                    Resource::Pods => {
                        let mut pods = PodBatch::default();
                        let head = pod::decode_list(body.as_bytes(), &mut pods).unwrap();
                        assert_eq!((&head.resource_version, &head.continue_token), (&news.version, &news.token));
                        Batch::Pods(pods)
                    }
                    Resource::Nodes => {
                        let mut nodes = Vec::new();
                        node::decode_list(body.as_bytes(), |node| nodes.push(NodeChange::Present(Box::new(node))))
                            .unwrap();
                        Batch::Nodes(nodes)
                    }
                    other => unreachable!("{other:?} is optional"),
                };
                self.step(side, ReflectorInput::Page(news), Some(batch));
            }
        }
    }

    fn fail_page(&mut self, side: usize) {
        let at = &mut self.sides[side];
        if at.page.take().is_none() {
            return;
        }
        let error = match (at.token.take(), self.rng.u8(..3)) {
            (Some(token), 0) => at.server.expire(&token, self.rng.bool()),
            _ => any_error(&mut self.rng),
        };
        self.step(side, ReflectorInput::PageFailed(error), None);
    }

    /// Answers the start of a watch.
    fn open(&mut self, side: usize) {
        let at = &mut self.sides[side];
        let Some(watch) = at.watch.as_mut().filter(|watch| !watch.open) else { return };
        let refusal = if let Some((objects, _)) = &mut watch.initial {
            // The list is the state of this moment; later changes follow its bookmark.
            *objects = at.server.selected().into_iter().collect();
            watch.at = at.server.version;
            None
        } else if watch.at < at.server.compacted {
            Some(gone(""))
        } else if watch.at > at.server.version {
            Some(too_large())
        } else {
            None
        };
        if let Some(error) = refusal {
            at.watch = None;
            return self.step(side, ReflectorInput::WatchEnded(WatchEnd::Refused(error)), None);
        }
        watch.open = true;
        (watch.since, watch.last_event) = (self.now, self.now);
        self.step(side, ReflectorInput::WatchOpen, None);
    }

    /// Sends up to `most` objects of the initial list, or its bookmark; `false` if there is no such list.
    fn initial(&mut self, side: usize, most: usize) -> bool {
        let at = &mut self.sides[side];
        let Some(watch) = at.watch.as_mut().filter(|watch| watch.open && !watch.silent) else { return false };
        let Some((objects, pages)) = &mut watch.initial else { return false };
        watch.last_event = self.now;
        let generation = watch.request.generation;
        let resource = at.server.of;
        if objects.is_empty() {
            watch.initial = None;
            let version = Some(watch.at.to_string());
            self.step(
                side,
                ReflectorInput::WatchNews(WatchNews {
                    events: 1,
                    version,
                    skipped: false,
                    synced: true,
                    ..WatchNews::default()
                }),
                None,
            );
            return true;
        }
        let some = objects.drain(..most.min(objects.len()));
        let lines: Vec<String> = some
            .map(|(key, object)| format!(r#"{{"type":"ADDED","object":{}}}"#, object.json(resource, &key)))
            .collect();
        *pages += 1;
        let page = *pages;
        let (batch, news) = decode(resource, &lines);
        let (remaining, bytes, unreadable) = (None, 1, 0);
        self.deliver(
            side,
            ClusterEvent::Page { resource, head: PageHead { generation, page, remaining, bytes, unreadable }, batch },
        );
        self.step(side, ReflectorInput::WatchNews(WatchNews { version: None, ..news }), None);
        true
    }

    /// Sends up to `most` events; a bookmark if there is none. One of them may be too large to be read (F50).
    fn events(&mut self, side: usize, most: usize, skip: bool) {
        if self.initial(side, most) {
            return;
        }
        let at = &mut self.sides[side];
        let Some(watch) = at.watch.as_mut().filter(|watch| watch.open && !watch.silent) else { return };
        watch.last_event = self.now;
        let mut lines: Vec<String> = Vec::new();
        let mut skipped = false;
        let from = watch.at;
        for logged in at.server.log.iter().filter(|logged| logged.version > from).take(most) {
            if skip && !skipped {
                skipped = true;
            } else {
                let object = logged.object.json(at.server.of, &logged.key);
                lines.push(format!(r#"{{"type":"{}","object":{object}}}"#, logged.kind));
            }
            watch.at = logged.version;
        }
        if lines.is_empty() && !skipped {
            watch.at = watch.at.max(at.server.version);
            lines
                .push(format!(r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{}"}}}}}}"#, watch.at));
        }
        let generation = watch.request.generation;
        let (batch, news) = decode(at.server.of, &lines);
        let resource = at.server.of;
        self.deliver(side, ClusterEvent::Changes { resource, generation, unreadable: u32::from(skipped), batch });
        self.step(side, ReflectorInput::WatchNews(WatchNews { skipped, ..news }), None);
    }

    fn end_watch(&mut self, side: usize) {
        let at = &mut self.sides[side];
        let Some(watch) = at.watch.take() else { return };
        let error = match self.rng.u8(..3) {
            0 => gone(""),
            _ => any_error(&mut self.rng),
        };
        let end = match self.rng.u8(..3) {
            _ if !watch.open => WatchEnd::Refused(error),
            0 => WatchEnd::Clean,
            1 => WatchEnd::Broken(RequestError::new(Layer::Body, "reset")),
            _ => WatchEnd::Error(error),
        };
        self.step(side, ReflectorInput::WatchEnded(end), None);
    }

    fn timer(&mut self, side: usize) {
        if let Some(Mono(due)) = self.sides[side].machine.due() {
            self.now = self.now.max(due);
            self.step(side, ReflectorInput::Timer, None);
        }
    }

    fn some_move(&mut self) {
        let side = self.rng.usize(..self.sides.len());
        self.now += Duration::from_millis(self.rng.u64(..3000));
        match self.rng.u8(..40) {
            0..=9 => self.sides[side].server.change(&mut self.rng),
            10..=15 => self.answer_page(side),
            16..=18 => self.fail_page(side),
            19..=21 => self.open(side),
            22..=26 => {
                let (most, skip) = (self.rng.usize(1..4), self.rng.u8(..12) == 0);
                self.events(side, most, skip);
            }
            27 | 28 => self.end_watch(side),
            29 => {
                if let Some(watch) = &mut self.sides[side].watch {
                    watch.silent = true;
                }
            }
            // The server sends some events again (F48).
            30 => {
                if self.sides[side].watch.as_ref().is_some_and(|watch| watch.initial.is_some()) {
                    return;
                }
                let server = &self.sides[side].server;
                let known = server.log.first().map_or(server.version, |logged| logged.version - 1);
                if let Some(watch) = self.sides[side].watch.as_mut().filter(|watch| watch.open && !watch.silent) {
                    watch.at = watch.at.saturating_sub(self.rng.u64(..6)).max(known.min(watch.at));
                }
            }
            31 => {
                let server = &mut self.sides[side].server;
                server.compacted = server.version;
                server.snapshots.retain(|_, _| self.rng.bool());
            }
            32 => {
                let server = &mut self.sides[side].server;
                server.backup.clone_from(&server.objects);
            }
            33 if self.rng.u8(..6) == 0 => {
                self.sides[side].server.restore();
                self.end_watch(side);
            }
            34 => {
                let input = if self.rng.bool() { ReflectorInput::Refresh } else { ReflectorInput::Renewed };
                self.step(side, input, None);
            }
            36 if self.rng.u8(..4) == 0 => self.sides[side].streams = true,
            35 if self.rng.bool() => self.step(side, ReflectorInput::Resumed, None),
            _ => self.timer(side),
        }
    }

    /// Makes the server healthy for the rest of the sequence.
    fn recover(&mut self) {
        let end = self.now + WELL;
        for _ in 0..20_000 {
            if self.now >= end && (0..self.sides.len()).all(|side| self.is_quiet(side)) {
                return;
            }
            for side in 0..self.sides.len() {
                self.answer_page(side);
                self.open(side);
                let at = &self.sides[side];
                if let Some(watch) = at.watch.as_ref().filter(|watch| watch.open) {
                    if self.now >= watch.since + secs(watch.request.seconds) {
                        self.sides[side].watch = None;
                        self.step(side, ReflectorInput::WatchEnded(WatchEnd::Clean), None);
                    } else if watch.initial.is_some() || at.is_behind() || self.now >= watch.last_event + secs(60) {
                        self.events(side, 3, false);
                    }
                }
                if self.sides[side].machine.due().is_some_and(|Mono(due)| due <= self.now) {
                    self.step(side, ReflectorInput::Timer, None);
                }
            }
            self.now += Duration::from_millis(1500);
        }
        panic!("it never comes to rest");
    }

    fn is_quiet(&self, side: usize) -> bool {
        let at = &self.sides[side];
        let watching = at.watch.as_ref().is_some_and(|watch| watch.open && !watch.silent && watch.initial.is_none());
        watching && at.page.is_none() && !at.is_behind()
    }

    /// Compares the objects of the model and of the server, one line each.
    fn compare(&self) -> Result<(), String> {
        let (nodes, pod_store) = self.model.clusters()[0].held_objects();
        let mut held: Vec<String> = nodes
            .iter()
            .map(|node| {
                let state = match node.facts.readiness().0 {
                    Readiness::Ready => 0,
                    Readiness::NotReady => 1,
                    Readiness::Unknown => 2,
                };
                format!("node {} {:?} {} {state}", node.facts.name, node.facts.uid, node.facts.version)
            })
            .collect();
        held.extend(pod_store.pods().map(|slot| {
            let pod = pod_store.pod(slot);
            let state = match pod.phase {
                PodPhase::Running => 0,
                PodPhase::Pending => 1,
                _ => 2,
            };
            let cpu = pod.requests.cpu;
            format!("pod {}/{} {:?} {} {state} {} {cpu:?}", pod.namespace, pod.name, pod.uid, pod.version, pod.node)
        }));
        held.sort();
        let mut truth = Vec::new();
        for side in &self.sides {
            for ((namespace, name), object) in side.server.selected() {
                let (uid, version, state) = (Uid::parse(&object.uid_text()), object.version, object.state);
                truth.push(match side.server.of {
                    Resource::Pods => {
                        let cpu = crate::facts::quantity::Quantity::parse(&format!("{}m", 100 + object.uid)).unwrap();
                        format!("pod {namespace}/{name} {uid:?} {version} {state} n{} {cpu:?}", object.node)
                    }
                    Resource::Nodes => format!("node {name} {uid:?} {version} {state}"),
                    other => unreachable!("{other:?} is optional"),
                });
            }
        }
        truth.sort();
        if held == truth { Ok(()) } else { Err(format!("held: {held:#?}\ntruth: {truth:#?}")) }
    }
}

impl Side {
    fn is_behind(&self) -> bool {
        let newest = self.server.log.last().map(|logged| logged.version);
        self.watch.as_ref().is_some_and(|watch| !watch.silent && newest.is_some_and(|newest| newest > watch.at))
    }
}

/// The lines of a watch as the I/O loop reads them.
fn decode(of: Resource, lines: &[String]) -> (Batch, WatchNews) {
    let (mut pods, mut nodes) = (PodBatch::default(), Vec::new());
    let mut news = WatchNews::default();
    for line in lines {
        let frame = decode_frame(line.as_bytes()).unwrap();
        news.events += 1;
        news.version = bookmark_version(frame.object);
        let removed = frame.kind == WatchType::Deleted;
        match (of, frame.kind) {
            (_, WatchType::Bookmark) => {}
            (Resource::Pods, _) => pod::decode_object(frame.object, removed, &mut pods).unwrap(),
            (_, _) => {
                let node = node::decode_object(frame.object).unwrap();
                nodes.push(if removed {
                    NodeChange::Gone { name: node.name, uid: node.uid, version: node.version }
                } else {
                    NodeChange::Present(Box::new(node))
                });
            }
        }
    }
    (if of == Resource::Pods { Batch::Pods(pods) } else { Batch::Nodes(nodes) }, news)
}

/// Plays one sequence; `Err` is the difference that it ended in.
fn play(seed: u64, scoped: bool, verbose: bool) -> Result<(), String> {
    let mut play = Play::new(seed, scoped, verbose);
    for _ in 0..MOVES {
        play.some_move();
    }
    let _ = writeln!(play.log, "{:?} the server is well", play.now);
    play.recover();
    play.compare().map_err(|difference| format!("{}{difference}", play.log))
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn after_any_sequence_of_changes_and_faults_the_model_is_the_servers_truth() {
    play_all(false);
}

#[test]
fn f23_after_any_sequence_the_pods_of_two_namespaces_are_the_servers_truth_one_by_one() {
    play_all(true);
}

fn play_all(scoped: bool) {
    if let Some(seed) = variable("WATCHBELL_SEED") {
        return play(seed, scoped, true).unwrap_or_else(|text| panic!("seed {seed}:\n{text}"));
    }
    for seed in 0..variable("WATCHBELL_SEQUENCES").unwrap_or(SEQUENCES) {
        let played = std::panic::catch_unwind(|| play(seed, scoped, false));
        let failed = match played {
            Ok(result) => result.err(),
            Err(_) => Some("a panic, see above".to_owned()),
        };
        if let Some(text) = failed {
            panic!("seed {seed} (play it again with WATCHBELL_SEED={seed}):\n{text}");
        }
    }
}
