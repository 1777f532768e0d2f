//! Lists as watches, as the shell reads them.

use super::*;

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
    let told: Vec<String> = rig
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            ClusterEvent::Page { resource: Resource::Pods, page, .. } => {
                Some(format!("page {page} {:?}", names(event)))
            }
            ClusterEvent::Changes { resource: Resource::Pods, .. } => Some(format!("changes {:?}", names(event))),
            ClusterEvent::ListFinished { resource: Resource::Pods, .. } => Some("finished".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(told[..3], ["page 1 [\"p1\", \"p2\"]", "page 2 [\"p3\"]", "changes [\"-p2\", \"p1\"]"]);
    let rest = told[3..].join(" ");
    assert!(rest.starts_with("changes [\"p4\"") && rest.contains("p5") && rest.ends_with("finished"), "{rest}");
    assert_eq!(rig.lists("pods").len(), 0);
}
