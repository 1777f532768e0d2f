//! Tests of the sink; the timing itself is tested over TCP in `connect`.

use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt};

use super::*;
use crate::msg::Resource;

fn sink() -> MeterSink {
    MeterSink::new(Clock::start())
}

fn started(sink: &MeterSink) -> OpenRequest {
    let tag = sink.tag(CallKind::List(Resource::Pods), Some(2), 3, Duration::from_secs(30));
    OpenRequest::start(tag, sink.clone())
}

fn waiting(sink: &MeterSink) -> Vec<String> {
    let name = |event: &CallEvent| match event {
        CallEvent::Started { page, attempt, .. } => format!("started page {page:?} attempt {attempt}"),
        CallEvent::Progress { bytes, .. } => format!("progress {bytes}"),
        CallEvent::Finished(attempt) => format!("finished {:?}", attempt.end),
        CallEvent::Decoded { took, .. } => format!("decoded {took:?}"),
    };
    sink.queue().iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn progress_is_reported_twice_a_second_and_only_the_newest_waits() {
    let sink = sink();
    let mut open = started(&sink);
    for _ in 0..30 {
        tokio::time::advance(Duration::from_millis(100)).await;
        open.data(10);
    }
    assert_eq!(waiting(&sink), ["started page Some(2) attempt 3", "progress 300"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_is_reported_once_with_the_verdict_of_who_dropped_it() {
    let sink = sink();
    drop(started(&sink));
    let late = started(&sink);
    late.tag.timed_out();
    drop(late);
    let big = started(&sink);
    big.tag.refused();
    drop(big);
    let mut done = started(&sink);
    done.close(CallEnd::Complete);
    done.tag.timed_out();
    drop(done);
    let ends: Vec<String> = waiting(&sink).into_iter().filter(|line| line.starts_with("finished")).collect();
    assert_eq!(ends, ["finished Cancelled", "finished TimedOut", "finished Broken", "finished Complete"]);
}

#[tokio::test(start_paused = true)]
async fn no_request_starts_while_too_many_events_wait_and_none_is_lost() {
    let sink = sink();
    for _ in 0..WAITING {
        drop(started(&sink));
    }
    let blocked = tokio::time::timeout(Duration::from_secs(3600), sink.room()).await;
    assert!(blocked.is_err(), "there is no room");
    let (out, mut news) = mpsc::channel(1);
    let forward = sink.clone();
    let forwarder = tokio::spawn(async move { forward.forward(ClusterId(4), &out).await });
    let mut finished = 0;
    while finished < WAITING {
        let msg = news.recv().await.unwrap();
        finished += usize::from(matches!(msg, Msg::Cluster(ClusterId(4), ClusterEvent::Call(CallEvent::Finished(_)))));
    }
    sink.room().await;
    drop(news);
    drop(started(&sink));
    forwarder.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_tag_is_measured_too() {
    let sink = sink();
    let mut service =
        ServiceBuilder::new().layer(MeterLayer(sink.clone())).service(tower::service_fn(async |_: Request<()>| {
            Ok::<_, tower::BoxError>(Response::new(Full::new(Bytes::from_static(b"abc"))))
        }));
    let answer = service.ready().await.unwrap().call(Request::new(())).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(&body[..], b"abc");
    assert_eq!(waiting(&sink), ["started page None attempt 1", "finished Complete"]);
}
