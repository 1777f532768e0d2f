//! The scenario `incident` under paused time: the simulated server, the tasks of a cluster, the model and the screen in one
//! process, and no socket between them. So "within 15 seconds" does not depend on the machine.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::super::{TaskLink, Tuning, supervise};
use super::simulated::InProcess;
use crate::action::Action;
use crate::clock::Clock;
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::app::Model;
use crate::model::settings::{ClusterSpec, Settings};
use crate::msg::{ClusterEvent, ClusterId, Msg, Viewport};
use crate::sim::{self, Scenario};
use crate::theme::{Depth, Theme};
use crate::ui::{self, ViewState};

/// The scenario says `at = "10s"`.
const BEGINS: Duration = Duration::from_secs(10);
/// A moment before it.
const CALM: Duration = Duration::from_millis(9_900);

/// A screen that follows a simulated cluster.
struct Watched {
    _simulation: sim::Simulation,
    start: Instant,
    clock: Clock,
    news: mpsc::Receiver<Msg>,
    model: Model,
    ticks: u32,
}

impl Watched {
    async fn scenario(name: &str) -> Self {
        let simulation = sim::start(Scenario::builtin(name).unwrap(), ([127, 0, 0, 1], 0).into()).await.unwrap();
        let (start, clock) = (Instant::now(), Clock::start());
        let context = simulation.clusters()[0].context.clone();
        let build = InProcess::first(&simulation);
        let (out, news) = mpsc::channel(256);
        let (_, commands) = mpsc::channel(1);
        let link = TaskLink { id: ClusterId(0), out, commands, inspect: tokio::sync::watch::channel(None).1, clock };
        let server = ClusterEvent::Server { url: Clean::new("simulated"), insecure: false };
        tokio::spawn(supervise(build, server, Tuning { seed: Some(7), ..Tuning::default() }, link));
        let spec = ClusterSpec { context: Clean::new(&context), broken: None };
        let model = Model::new(vec![spec], Settings::default());
        Self { _simulation: simulation, start, clock, news, model, ticks: 0 }
    }

    /// Applies events until so long after the start, with a tick each second.
    async fn until(&mut self, end: Duration) {
        loop {
            let tick = Duration::from_secs(u64::from(self.ticks) + 1).min(end);
            let left = (self.start + tick).saturating_duration_since(Instant::now());
            match timeout(left, self.news.recv()).await {
                Ok(Some(msg)) => drop(self.model.update(msg, self.clock.now())),
                Ok(None) => panic!("the tasks of the cluster have ended"),
                Err(_) if tick == end => return,
                Err(_) => {
                    self.ticks += 1;
                    drop(self.model.update(Msg::Tick, self.clock.now()));
                }
            }
        }
    }

    fn screen(&mut self, width: u16, height: u16) -> String {
        let now = self.clock.now();
        self.model.update(Msg::Frame, now);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let (mut state, theme) = (ViewState::default(), Theme::new(Depth::None, false));
        let context = ui::Context { theme: &theme, keymap: &KeyMap::default(), now };
        let mut viewport = Viewport::default();
        terminal.draw(|frame| viewport = ui::view(frame, &self.model, &mut state, &context)).unwrap();
        self.model.update(Msg::Viewport(viewport), now);
        let buf = terminal.backend().buffer();
        let row = |y: u16| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| row(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    fn act(&mut self, action: Action) {
        let now = self.clock.now();
        self.model.update(Msg::Action(action), now);
    }
}

#[track_caller]
fn assert_line(text: &str, words: &[&str]) {
    assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "no line with {words:?}:\n{text}");
}

#[tokio::test(start_paused = true)]
async fn incident_is_reported_within_15_seconds_with_what_is_wrong_and_where_the_time_goes() {
    let mut watched = Watched::scenario("incident").await;
    watched.until(CALM).await;
    for size in [(80, 24), (200, 60)] {
        let calm = watched.screen(size.0, size.1);
        assert_line(&calm, &["no alert firing"]);
        assert!(!calm.contains('×'), "{calm}");
    }
    watched.until(BEGINS + Duration::from_secs(15)).await;
    // The problem and where the time goes, on the first screen, however small; and the last picture stays.
    for size in [(80, 24), (200, 60)] {
        let text = watched.screen(size.0, size.1);
        assert_line(&text, &["slow", "nodes 103/104", "×", if size.0 < 100 { "3 t/o" } else { "3 timeouts" }]);
        assert_line(&text, &["▲ critical", "node 10-16-10-115.maas NotReady"]);
        assert_line(&text, &["── API slow, network fine: suspect apiserver queueing or etcd"]);
    }
    let text = watched.screen(200, 60);
    assert_line(&text, &["▲ warning", "list page 1", "(limit 10s), ", "first byte after 1"]);
    // Where the time goes, by kind of call and in words.
    watched.act(Action::Api);
    for size in [(80, 24), (200, 60)] {
        let text = watched.screen(size.0, size.1);
        assert_line(&text, &["▌probe ", "≥5.0s", "first by"]);
        assert_line(&text, &["API slow, network fine: suspect apiserver queueing or etcd"]);
    }
    let wide = watched.screen(200, 60);
    assert_line(&wide, &["▌probe ", "first byte timeout ×"]);
    assert_line(&wide, &["no body yet"]);
    assert_line(&wide, &["last failure"]);
    assert_line(&wide, &[" first byte ", "get /api/v1/namespaces?limit=1: no answer within 5 s"]);
}

#[tokio::test(start_paused = true)]
async fn after_the_incident_the_screen_is_calm_again_by_itself() {
    let mut watched = Watched::scenario("incident").await;
    watched.until(Duration::from_secs(60)).await;
    watched.act(Action::Alerts);
    let text = watched.screen(200, 60);
    for alert in ["node 10-16-10-114.maas flapping", "node 10-16-10-118.maas 3 of 8 nvidia.com/gpu unhealthy"] {
        assert_line(&text, &["▲ warning", alert]);
    }
    watched.act(Action::Back);
    watched.until(Duration::from_secs(150)).await;
    let text = watched.screen(200, 60);
    assert_line(&text, &["nodes 104/104", "gpu", "872/872"]);
    assert!(!text.contains("no byte yet"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn every_line_of_a_page_with_lists_is_read_on_the_way_down_and_up_on_the_smallest_screen() {
    let mut watched = Watched::scenario("incident").await;
    watched.until(BEGINS + Duration::from_secs(15)).await;
    watched.act(Action::Api);
    let labels = [
        "probe ",
        "usage ",
        "in flight",
        "last failure",
        "own load",
        "timeouts",
        "server",
        "limits",
        "table",
        "failures",
    ];
    let walk = |watched: &mut Watched, action: Action, last: &str| {
        let mut seen = String::new();
        for _ in 0..80 {
            let text = watched.screen(60, 12);
            // The lines of the page stand below the title and the graph, above the footer.
            let page: Vec<&str> = text.lines().skip(5).take(6).collect();
            seen += &page.join("\n");
            if page.iter().any(|line| line.starts_with('▌') && line.contains(last)) {
                break;
            }
            watched.act(action);
        }
        let missing: Vec<&str> = labels.into_iter().filter(|label| !seen.contains(label)).collect();
        assert!(missing.is_empty(), "{action:?} never showed {missing:?}:\n{seen}");
        watched.screen(60, 12)
    };
    for (down, up) in [(Action::Down, Action::Up), (Action::PageDown, Action::PageUp)] {
        let text = walk(&mut watched, down, "watch nodes: too old");
        assert_line(&text, &["▌", "watch nodes: too old"]);
        let text = walk(&mut watched, up, "probe ");
        assert_line(&text, &["▌probe "]);
    }
}
