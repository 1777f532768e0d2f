use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::msg::Mono;

fn now() -> Now {
    Now { mono: Mono(Duration::from_secs(1)), wall: Timestamp::UNIX_EPOCH }
}

fn present(name: &str, uid: u128, version: u64, facts: u32) -> ObjectChange<u32> {
    ObjectChange::Present(Box::new(ApiObject { key: name.into(), uid: Uid(uid), version, facts }))
}

fn gone(name: &str, uid: u128, version: u64) -> ObjectChange<u32> {
    ObjectChange::Gone { key: name.into(), uid: Uid(uid), version }
}

fn head(generation: u32) -> PageHead {
    PageHead { generation, page: 1, ..PageHead::default() }
}

fn held(store: &ObjectStore<u32>) -> Vec<(String, u32)> {
    let mut held: Vec<_> = store.iter().map(|(key, facts)| (key.to_string(), *facts)).collect();
    held.sort();
    held
}

fn listed(objects: Vec<ObjectChange<u32>>) -> ObjectStore<u32> {
    let mut store = ObjectStore::default();
    store.begin(1);
    store.page(head(1), objects, now());
    store.finish(1, now());
    store
}

#[test]
fn the_end_of_a_list_removes_what_nobody_has_touched() {
    let mut store = listed(vec![present("a", 1, 5, 10), present("b", 2, 5, 20), present("c", 3, 5, 30)]);
    store.begin(2);
    store.page(head(2), vec![present("a", 1, 9, 11)], now());
    store.changes(2, 0, vec![present("b", 2, 10, 21)], now());
    assert_eq!(held(&store).len(), 3, "nothing goes before the end");
    store.finish(2, now());
    assert_eq!(held(&store), [("a".into(), 11), ("b".into(), 21)]);
}

#[test]
fn a_page_yields_to_what_the_watch_has_brought() {
    let mut store = ObjectStore::default();
    store.begin(1);
    store.changes(1, 0, vec![present("a", 1, 8, 2), gone("b", 2, 9)], now());
    store.page(head(1), vec![present("a", 1, 7, 1), present("b", 2, 7, 1), present("b", 3, 12, 3)], now());
    assert_eq!(held(&store), [("a".into(), 2), ("b".into(), 3)], "the next `b` is another object");
    store.changes(1, 0, vec![gone("b", 2, 9)], now());
    assert_eq!(held(&store).len(), 2, "a late end of the old one does not take it along");
}

#[test]
fn an_event_without_a_number_for_a_version_changes_an_object_of_a_list_with_numbers() {
    let mut store = listed(vec![present("a", 1, 4711, 1), present("b", 2, 4711, 1)]);
    store.changes(1, 0, vec![present("a", 1, 0, 2), gone("b", 2, 0)], now());
    assert_eq!(held(&store), [("a".into(), 2)]);
    store.begin(2);
    store.changes(2, 0, vec![present("a", 1, 0, 3), gone("c", 3, 0)], now());
    store.page(head(2), vec![present("a", 1, 4711, 1), present("c", 3, 4711, 1)], now());
    assert_eq!(held(&store), [("a".into(), 3)], "a page that is not surely newer takes nothing back");
}

#[test]
fn only_what_can_be_seen_is_a_change() {
    let mut store = listed(vec![present("a", 1, 5, 10)]);
    let before = store.revision();
    store.changes(1, 0, vec![present("a", 1, 6, 10)], now());
    assert_eq!(store.revision(), before);
    store.changes(1, 0, vec![present("a", 1, 7, 11)], now());
    assert_ne!(store.revision(), before);
}

#[test]
fn what_is_absent_or_not_asked_for_is_forgotten_and_what_fails_is_kept() {
    let mut store = listed(vec![present("a", 1, 5, 10)]);
    assert_eq!(store.visible(), Visibility::Visible);
    let failure = Box::new(crate::model::fixture::failure(crate::msg::Layer::Body, now().wall));
    store.set_state(SyncState::Waiting { until: Mono::default(), failure });
    assert!(matches!(store.visible(), Visibility::Unavailable(_)));
    assert_eq!(held(&store).len(), 1);
    store.set_state(SyncState::Absent);
    assert_eq!((store.visible(), held(&store).len()), (Visibility::Absent, 0));
    store.set_state(SyncState::Skipped { reason: "too many".into() });
    assert_eq!(store.visible().reason().unwrap(), "too many");
}
