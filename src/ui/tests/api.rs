//! The API view and the pane of alerts on a real model, in colour, without colours and in ASCII.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::model::settings::{ClusterSpec, Settings};
use crate::msg::QueryKind;
use crate::msg::detail::DetailPart;
use crate::msg::{
    Attempt, CallEnd, CallEvent, CallId, CallKind, ClusterEvent, Failure, Layer, Mono, Msg, PageLimits, ProbeOutcome,
    ProbeSample, ProbeSeries, Resource, Smaller,
};
use crate::ui::widgets::text::columns;

const PODS: CallKind = CallKind::List(Resource::Pods);

fn at(seconds: u64) -> Now {
    let wall = fixture::now().wall + jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap());
    Now { mono: Mono(Duration::from_secs(seconds)), wall }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

struct Api {
    model: Model,
    state: ViewState,
    second: u64,
    calls: u64,
}

impl Api {
    fn new() -> Self {
        let spec = |context: &str| ClusterSpec { context: context.into(), broken: None };
        let model = Model::new(vec![spec("prod-a"), spec("edge")], Settings::default());
        let mut api = Self { model, state: ViewState::default(), second: 0, calls: 0 };
        api.send(ClusterEvent::Server { url: "https://10.0.0.1:6443".into(), insecure: false });
        api.send(ClusterEvent::Version("v1.36.2".into()));
        api
    }

    fn send(&mut self, event: ClusterEvent) {
        self.model.update(Msg::Cluster(ClusterId(0), event), at(self.second));
    }

    fn act(&mut self, action: Action) {
        self.model.update(Msg::Action(action), at(self.second));
        self.model.update(Msg::Frame, at(self.second));
    }

    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.second += 1;
            self.model.update(Msg::Tick, at(self.second));
        }
        self.model.update(Msg::Frame, at(self.second));
    }

    /// Both probes of one tick with their calls, then the time until the next.
    fn tick(&mut self, outcome: ProbeOutcome) {
        let tick = at(self.second).mono;
        let ping = ProbeOutcome::Answered { latency: ms(4) };
        for (series, outcome) in [(ProbeSeries::Ping, ping), (ProbeSeries::Work, outcome)] {
            self.send(ClusterEvent::Probe(ProbeSample { series, tick, outcome }));
        }
        self.call(CallKind::Ping, (None, Some(3), 4), (50, CallEnd::Complete, Some(200)));
        match outcome {
            ProbeOutcome::Answered { latency } => {
                let total = u64::try_from(latency.as_millis()).unwrap();
                self.call(CallKind::Work, (None, Some(total * 9 / 10), total), (900, CallEnd::Complete, Some(200)));
            }
            ProbeOutcome::TimedOut { .. } => {
                self.call(CallKind::Work, (None, None, 5_000), (0, CallEnd::TimedOut, None));
            }
            ProbeOutcome::Failed { .. } => {
                self.call(CallKind::Work, (None, Some(5), 5), (200, CallEnd::Complete, Some(500)));
            }
        }
        self.wait(5);
    }

    /// A call that ends now; connect, first byte and total in milliseconds.
    fn call(&mut self, kind: CallKind, times: (Option<u64>, Option<u64>, u64), how: (u64, CallEnd, Option<u16>)) {
        self.calls += 1;
        let (bytes, end, status) = how;
        let attempt = Attempt {
            id: CallId(self.calls),
            kind,
            page: matches!(kind, CallKind::List(_)).then_some(3),
            attempt: 1,
            at: at(self.second).mono,
            connect: times.0.map(ms),
            first_byte: times.1.map(ms),
            total: ms(times.2),
            bytes,
            status,
            end,
        };
        self.send(ClusterEvent::Call(CallEvent::Finished(Box::new(attempt))));
    }

    fn fail(&mut self, layer: Layer, text: &str, audit: Option<&str>) {
        let failure = Failure {
            at: at(self.second).wall,
            layer,
            request: "list pods".into(),
            code: None,
            text: text.into(),
            attempt: 2,
            next_in: Some(Duration::from_secs(4)),
            previous: None,
            audit_id: audit.map(Into::into),
            retry_after: None,
            timeout: true,
        };
        self.send(ClusterEvent::Failed(Box::new(failure)));
    }

    fn draw(&mut self, (width, height): (u16, u16), theme: &Theme) -> Buffer {
        let Self { model, state, second, .. } = self;
        model.update(Msg::Frame, at(*second));
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        draw_model(&mut terminal, model, state, theme, at(*second));
        terminal.backend().buffer().clone()
    }

    fn text(&mut self, size: (u16, u16)) -> String {
        lines(&self.draw(size, &unicode()))
    }
}

#[test]
fn calls_of_every_kind_stand_under_their_headings() {
    let mut api = Api::new();
    let listed = Resource::CORE.into_iter().chain(Resource::OPTIONAL);
    let of_lists = listed.flat_map(|resource| [CallKind::List(resource), CallKind::Watch(resource)]);
    let of_parts =
        [DetailPart::Object, DetailPart::Events].map(|part| [CallKind::Detail(part), CallKind::DetailWatch(part)]);
    let others = [CallKind::Ping, CallKind::Work, CallKind::Usage, CallKind::Get, CallKind::QueueTable];
    let queries = QueryKind::ALL.map(CallKind::Query);
    let kinds: Vec<_> = of_lists.chain(of_parts.into_iter().flatten()).chain(others).chain(queries).collect();
    for kind in &kinds {
        api.call(*kind, (None, Some(3), 4), (50, CallEnd::Complete, Some(200)));
    }
    api.act(Action::Api);
    let text = api.text((120, 60));
    let mut rows = text.lines().skip_while(|line| !line.starts_with(" CALL "));
    let end = |line: &str, word: &str| line.find(word).map(|at| columns(&line[..at]) + word.len());
    let heading = end(rows.next().unwrap(), "  N").unwrap();
    let rows: Vec<_> = rows.take(kinds.len()).collect();
    for row in &rows {
        assert_eq!(end(row, "  1 "), Some(heading + 1), "{row}");
    }
    assert_eq!(rows.len(), kinds.len(), "{text}");
}

/// Ten minutes of which the last three are bad: slow probes, timeouts, failures, pages whose bodies crawl.
fn incident() -> Api {
    let mut api = Api::new();
    for _ in 0..80 {
        api.tick(ProbeOutcome::Answered { latency: ms(30) });
    }
    for latency in [200, 800, 1_400, 2_300, 4_000, 4_900] {
        api.tick(ProbeOutcome::Answered { latency: ms(latency) });
    }
    for _ in 0..5 {
        api.tick(ProbeOutcome::TimedOut { at_least: ms(5_000) });
    }
    api.tick(ProbeOutcome::Failed { after: ms(5), layer: Layer::Server });
    for (total, end) in [(6_100, CallEnd::Complete), (28_400, CallEnd::Complete), (30_000, CallEnd::TimedOut)] {
        api.call(PODS, (None, Some(700), total), (900_000, end, Some(200)));
    }
    api.call(PODS, (None, Some(28_000), 28_000), (200, CallEnd::Complete, Some(504)));
    api.call(PODS, (None, Some(3), 3), (200, CallEnd::Complete, Some(429)));
    api.fail(Layer::ServerTimeout, "the server did not answer in time (504)", Some("7d1f0c"));
    api.fail(Layer::Body, "no data for 15 s while reading the body (2.2 MB of ?)", None);
    let limits = PageLimits {
        resource: Resource::Pods,
        page_size: 250,
        smaller: Some(Smaller::Stall),
        tier_from: Some(50),
        deadline: ms(30_000),
        idle: ms(15_000),
        cap: ms(60_000),
        server: ms(28_000),
    };
    api.send(ClusterEvent::Limits(limits));
    let id = CallId(9_999);
    let started = at(api.second).mono;
    let (page, limit) = (Some(4), ms(60_000));
    api.send(ClusterEvent::Call(CallEvent::Started { id, kind: PODS, page, attempt: 2, at: started, limit }));
    api.wait(8);
    api.send(ClusterEvent::Call(CallEvent::Progress { id, bytes: 3_280_000 }));
    api
}

#[test]
fn the_api_view_is_readable_at_every_size() {
    let mut api = incident();
    api.act(Action::Api);
    for (width, height) in [(200, 60), (120, 40), (80, 24), (60, 12)] {
        snapshot(&format!("api_{width}x{height}"), &api.draw((width, height), &unicode()));
    }
    let ascii = api.draw((120, 40), &Theme::new(Depth::None, true));
    assert!(lines(&ascii).is_ascii());
    snapshot("api_ascii_120x40", &ascii);
}

#[test]
fn the_api_view_says_where_the_time_goes_and_what_is_going_on() {
    let mut api = incident();
    api.act(Action::Api);
    let text = api.text((160, 50));
    for words in [
        &["scale 0 · 1.0s · deadline 5.0s", "newest right"][..],
        &["pods list", "504 ×1", "429 ×1", "body timeout ×1"],
        &["slow transfer: the response starts fast and arrives slowly"],
        &["throttled", "1×429 in 1m"],
        &["in flight", "pods list page 4, 8.0s of 60s, 3.3 MB, 410 kB/s, attempt 2"],
        &[
            "pods page size cut to 250",
            "first byte 30s",
            "idle timeout 15s",
            "server timeout 28s",
            "timeout profile: 50+ nodes",
        ],
        &["v1.36.2", "https://10.0.0.1:6443"],
        &["server timeout", "504", "attempt 2, next in 4.0s, audit 7d1f0c"],
        &["body", "no data for 15 s while reading the body"],
    ] {
        assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}\n{text}");
    }
}

/// The cells of the graph: from the second line of the body on, right of the axis.
fn graph(buf: &Buffer) -> Vec<(String, Color)> {
    let text = lines(buf);
    let top = text.lines().position(|line| line.contains("newest right")).unwrap() + 1;
    let mut cells = Vec::new();
    for row in top..top + 4 {
        for column in 8..buf.area.width {
            let cell = &buf[(column, u16::try_from(row).unwrap())];
            cells.push((cell.symbol().to_owned(), cell.fg));
        }
    }
    cells
}

#[test]
fn a_run_of_timeouts_cannot_be_taken_for_a_healthy_one() {
    for (depth, ascii, name) in
        [(Depth::Ansi16, false, "colour"), (Depth::None, false, "plain"), (Depth::None, true, "ascii")]
    {
        let theme = Theme::new(depth, ascii);
        let screen = |outcome| {
            let mut api = Api::new();
            for _ in 0..120 {
                api.tick(outcome);
            }
            api.act(Action::Api);
            api.draw((80, 24), &theme)
        };
        let lost = screen(ProbeOutcome::TimedOut { at_least: ms(5_000) });
        let cut = screen(ProbeOutcome::Failed { after: ms(5), layer: Layer::Server });
        let fine = screen(ProbeOutcome::Answered { latency: ms(20) });
        assert!(graph(&lost).iter().all(|(symbol, _)| symbol == theme.glyphs.timed_out), "{name}");
        assert!(graph(&cut).iter().all(|(symbol, _)| symbol == theme.glyphs.failed), "{name}");
        let shared = [theme.glyphs.timed_out, theme.glyphs.failed];
        assert!(graph(&fine).iter().all(|(symbol, _)| !shared.contains(&symbol.as_str())), "{name}");
        if depth == Depth::Ansi16 {
            assert!(graph(&lost).iter().all(|(_, fg)| Some(*fg) == theme.style(Role::Bad).fg), "{name}");
        }
        snapshot(&format!("api_all_timeouts_{name}_80x24"), &lost);
    }
}

#[test]
fn suspended_time_is_blank_in_the_graph_and_carries_no_marks() {
    let mut api = Api::new();
    for _ in 0..20 {
        api.tick(ProbeOutcome::Answered { latency: ms(30) });
    }
    // An hour asleep: the wall clock goes on, the monotonic one does not.
    api.wait(100);
    for _ in 0..10 {
        api.tick(ProbeOutcome::Answered { latency: ms(30) });
    }
    api.act(Action::Api);
    let text = api.text((80, 24));
    let row = text.lines().find(|line| line.contains("1.0s │")).unwrap();
    let drawn: String = row.chars().rev().take(50).collect();
    let expected = format!("{}{}{}", "-".repeat(10), " ".repeat(20), "-".repeat(20));
    assert_eq!(drawn, expected, "{text}");
}

#[test]
fn the_failures_scroll_and_the_last_fifty_are_kept() {
    let mut api = Api::new();
    for number in 0..60 {
        api.fail(Layer::Connect, &format!("refused number {number}"), None);
    }
    api.act(Action::Api);
    let text = api.text((100, 24));
    assert!(text.contains("refused number 59") && text.contains(" more"), "{text}");
    api.act(Action::Bottom);
    let text = api.text((100, 24));
    assert!(text.contains("refused number 10,") && !text.contains("refused number 9,"), "{text}");
    api.act(Action::Top);
    assert!(api.text((100, 24)).contains("refused number 59"));
}

/// Line of the cursor; the strip above has one, too.
fn cursor(text: &str) -> &str {
    text.lines().rfind(|line| line.starts_with('▌')).unwrap_or_default()
}

fn type_filter(api: &mut Api, text: &str) {
    api.act(Action::Filter);
    let edit = crate::msg::LineEdit::Paste(text.to_owned());
    api.model.update(Msg::Edit(edit), at(api.second));
    api.act(Action::Open);
}

#[test]
fn calls_are_sorted_filtered_and_opened_like_any_list() {
    let mut api = incident();
    api.act(Action::Api);
    let size = (100, 50);
    assert!(cursor(&api.text(size)).starts_with("▌probe"));
    api.act(Action::Down);
    assert!(cursor(&api.text(size)).starts_with("▌pods list"));
    // The selection is by kind: it stays where others come before it.
    api.act(Action::Hold);
    api.act(Action::SortName);
    let text = api.text(size);
    let calls: Vec<&str> = text.lines().skip_while(|line| !line.contains("CALL")).skip(1).take(5).collect();
    assert!(text.contains("CALL▾") && calls[0].starts_with(" ping"), "{text}");
    assert!(cursor(&text).starts_with("▌pods list"), "{text}");
    api.act(Action::Open);
    let text = api.text(size);
    assert!(text.contains("   body timeout ×1, 429 ×1, 504 ×1") && text.contains("decode 0%"), "{text}");
    api.act(Action::Open);
    assert!(!api.text(size).contains("decode 0%"));
    type_filter(&mut api, "max<1s");
    let text = api.text(size);
    assert!(cursor(&text).starts_with("▌ping") && text.contains("1 of 3 kinds by filter max<1s"), "{text}");
    api.act(Action::Back);
    assert!(cursor(&api.text(size)).starts_with("▌pods list"), "found again when the filter goes");
}

#[test]
fn a_failure_keeps_the_cursor_and_is_read_in_full() {
    let mut api = Api::new();
    api.fail(Layer::Connect, "connection refused", None);
    let long = format!("unexpected answer {}the end of it", "word ".repeat(40));
    api.fail(Layer::Server, &long, Some("7d1f0c"));
    api.act(Action::Api);
    let size = (100, 40);
    assert!(cursor(&api.text(size)).contains("unexpected answer"), "without calls the failures are first");
    api.act(Action::Down);
    api.act(Action::Up);
    api.act(Action::Open);
    let text = api.text(size);
    assert!(text.contains("the end of it, attempt 2, next in 4.0s, audit 7d1f0c"), "{text}");
    api.fail(Layer::Body, "cut", None);
    assert!(cursor(&api.text(size)).contains("unexpected answer"), "a new failure does not move it");
    api.act(Action::SortStatus);
    let text = api.text(size);
    assert!(text.contains("last 3, by layer"), "{text}");
    assert!(cursor(&text).contains("cut"), "a new order is looked at from its top: {text}");
    type_filter(&mut api, "layer:connect");
    let text = api.text(size);
    assert!(cursor(&text).contains("connection refused") && text.contains("1 of 3 failures"), "{text}");
}

#[test]
fn the_pane_of_alerts_shows_every_state_at_every_size() {
    let mut api = incident();
    api.act(Action::Alerts);
    for (width, height) in [(160, 30), (80, 24), (60, 12)] {
        snapshot(&format!("alerts_{width}x{height}"), &api.draw((width, height), &unicode()));
    }
    api.act(Action::Acknowledge);
    let text = api.text((160, 30));
    assert!(text.contains("1 acked") && text.contains("acknowledged for"), "{text}");
    assert!(
        text.lines().any(|line| line.contains("acked") && line.contains("SlowCall") || line.contains("acked warn")),
        "{text}"
    );
    api.act(Action::Silence);
    let ascii = lines(&api.draw((120, 30), &Theme::new(Depth::None, true)));
    assert!(ascii.is_ascii() && ascii.contains("prod-a silenced for 30m") && ascii.contains("silenced"), "{ascii}");
    snapshot("alerts_silenced_ascii_120x30", &api.draw((120, 30), &Theme::new(Depth::None, true)));
}

#[test]
fn both_screens_are_drawn_at_every_size() {
    let mut api = incident();
    for action in [Action::Api, Action::Alerts] {
        api.act(action);
        for width in [0, 1, 2, 39, 40, 41, 59, 76, 80, 100, 130, 170, 240, 400] {
            for height in (0..40).chain([60, 100]) {
                api.draw((width, height), &unicode());
            }
        }
        api.act(Action::Back);
    }
}

#[test]
fn what_the_cluster_does_not_have_takes_no_line_and_what_it_need_not_have_comes_last() {
    let mut api = Api::new();
    let answer = |status| (100, CallEnd::Complete, Some(status));
    api.call(CallKind::List(Resource::Leases), (None, Some(3), 4), answer(200));
    api.call(CallKind::List(Resource::Slices), (None, Some(3), 4), answer(404));
    api.call(CallKind::List(Resource::Claims), (None, Some(3), 4), answer(403));
    api.call(PODS, (None, Some(3), 4), answer(404));
    api.act(Action::Api);
    let text = api.text((120, 40));
    let line = |call: &str| text.lines().position(|line| line.trim_start_matches([' ', '▌']).starts_with(call));
    assert_eq!(line("ResourceSlices"), None, "{text}");
    assert!(line("ResourceClaims").is_some(), "that it may not be seen is news: {text}");
    assert!(line("pods list").unwrap() < line("leases list").unwrap(), "{text}");
}
