//! Lists as watches, as the I/O loop reads them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::msg::{NodeChange, PageHead};

const END: &str = "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"120\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n";

// client-go: TestWatchList "Updates and Deletes events are propagated during streaming".
#[tokio::test(start_paused = true)]
async fn updates_and_deletes_among_the_initial_events_count() {
    let tuning = Tuning { watch_list: true, changes_per_message: 2, ..Tuning::default() };
    let mut rig = Rig::start(tuning, |seen| {
        if seen.param("sendInitialEvents").is_none() || seen.path != "/api/v1/pods" {
            return if seen.param("sendInitialEvents").is_some() { status(422, "no") } else { good(seen) };
        }
        let lines = event("ADDED", "p1", 110)
            + &event("ADDED", "p2", 90)
            + &event("ADDED", "p3", 100)
            + &event("DELETED", "p2", 115)
            + &event("MODIFIED", "p1", 116)
            + &event("ADDED", "p4", 117)
            + END
            + &event("ADDED", "p5", 121);
        steps([data(lines), Step::Wait(secs(300))])
    });
    rig.until_watching(Resource::Pods).await;
    rig.pass(secs(1)).await;
    let reported: Vec<String> = rig
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            ClusterEvent::Page { resource: Resource::Pods, head: PageHead { page, .. }, .. } => {
                Some(format!("page {page} {:?}", names(event)))
            }
            ClusterEvent::Changes { resource: Resource::Pods, .. } => Some(format!("changes {:?}", names(event))),
            ClusterEvent::ListFinished { resource: Resource::Pods, .. } => Some("finished".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(reported[..3], ["page 1 [\"p1\", \"p2\"]", "page 2 [\"p3\"]", "changes [\"-p2\", \"p1\"]"]);
    let rest = reported[3..].join(" ");
    assert!(rest.starts_with("changes [\"p4\"") && rest.contains("p5") && rest.ends_with("finished"), "{rest}");
    assert_eq!(rig.lists("pods").len(), 0);
}

/// The events of a watch come faster than the receiver applies them, for longer than any queue holds.
#[tokio::test(start_paused = true)]
async fn f77_a_storm_waits_on_the_wire_in_few_messages_and_nothing_of_it_is_lost() {
    // Of two hundred nodes a hundred rounds of changes, ten events in a chunk.
    const NODES: u64 = 200;
    const EVENTS: u64 = 20_000;
    const CHUNK: u64 = 10;
    let tuning = Tuning { changes_per_message: 50, ..Tuning::default() };
    let read = Arc::new(AtomicUsize::new(0));
    let reached = read.clone();
    let mut rig = Rig::start(tuning, move |seen| {
        if !seen.is_watch() || seen.path != "/api/v1/nodes" {
            return good(seen);
        }
        let mut script = vec![Step::Wait(secs(10))];
        for chunk in 0..EVENTS / CHUNK {
            let events = (chunk * CHUNK..(chunk + 1) * CHUNK)
                .map(|number| event("MODIFIED", &format!("storm-{}", number % NODES), 1_000 + number));
            script.push(data(events.collect::<String>()));
            script.push(Step::Mark(reached.clone()));
        }
        script.push(Step::Hang);
        steps(script)
    });
    rig.until_watching(Resource::Nodes).await;
    // The channel of 64 messages is not read for a minute.
    tokio::time::sleep(secs(60)).await;
    assert_eq!(rig.news.len(), 64, "the channel is full and no fuller");
    let (waiting, read_ahead) = (read.load(Ordering::Relaxed), 64 + 4 + 2);
    // Each message holds 50 changes and the rest of its last chunk.
    assert!(waiting <= read_ahead * (50 + 10) / 10, "{waiting} chunks of {} were taken off the wire", EVENTS / CHUNK);
    rig.pass(secs(60)).await;
    assert_eq!(read.load(Ordering::Relaxed) as u64, EVENTS / CHUNK, "then the rest is read");
    let (mut messages, mut seen, mut last) = (0, 0, BTreeMap::new());
    for (_, event) in &rig.events {
        let ClusterEvent::Changes { batch: Batch::Nodes(nodes), .. } = event else { continue };
        (messages, seen) = (messages + 1, seen + nodes.len() as u64);
        assert!(nodes.len() <= 60, "{} changes in a message", nodes.len());
        for change in nodes {
            let NodeChange::Present(node) = change else { panic!("{change:?}") };
            assert!(last.insert(node.name.clone(), node.version) < Some(node.version), "in their order");
        }
    }
    assert_eq!(seen, EVENTS);
    assert!(messages <= EVENTS / 50, "{messages} messages");
    let newest: Vec<u64> = last.into_values().collect();
    assert_eq!((newest.len() as u64, newest.iter().min()), (NODES, Some(&(1_000 + EVENTS - NODES))));
}

#[tokio::test(start_paused = true)]
async fn an_event_counts_as_soon_as_its_value_is_whole_however_it_is_written() {
    let line = event("ADDED", "p2", 110);
    let line = line.trim_end();
    let pretty = line.replace(',', ",\n  ").replace('{', "{\n  ").replace('}', "\n}");
    let crlf = pretty.replace('\n', "\r\n");
    for text in [line.to_owned(), format!("{line}\n"), format!("{line}\r\n"), pretty, crlf] {
        for chunk in [7, text.len()] {
            let body = text.clone();
            let mut rig = Rig::start(Tuning::default(), move |seen| {
                if !(seen.is_watch() && seen.path == "/api/v1/pods") {
                    return good(seen);
                }
                let pieces = body.as_bytes().chunks(chunk).map(|piece| Step::Data(piece.to_vec().into()));
                steps(pieces.chain([Step::Wait(secs(300))]))
            });
            rig.pass(secs(1)).await;
            let changes: Vec<_> = rig
                .events
                .iter()
                .filter(|(_, event)| matches!(event, ClusterEvent::Changes { resource: Resource::Pods, .. }))
                .map(|(_, event)| names(event))
                .collect();
            assert_eq!(changes.concat(), ["p2"], "{text:?} in chunks of {chunk}");
            assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Failed(_))), 0, "{text:?}");
        }
    }
}
