use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::facts::pod::{PodBatch, PodList, decode_list};
use crate::facts::proto::build::sized;

/// A pod with so many bytes of managedFields, which nobody reads.
fn pod(name: &str, weight: usize) -> Vec<u8> {
    let meta = [sized(1, name.as_bytes()), sized(17, &vec![b'x'; weight])].concat();
    [sized(1, &meta), sized(3, &sized(1, b"Running"))].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let meta = sized(1, &[sized(2, b"41"), sized(3, b"go-on"), vec![0x20, 7]].concat());
    [meta, items.iter().flat_map(|item| sized(2, item)).collect()].concat()
}

/// An answer as Go writes it: kind, list, encoding, content type.
fn answer(kind: &str, list: &[u8]) -> Vec<u8> {
    let kind = sized(1, &[sized(1, b"v1"), sized(2, kind.as_bytes())].concat());
    [MAGIC, &kind, &sized(2, list), &sized(3, b""), &sized(4, b"")].concat()
}

/// Result for a body that arrives in chunks of these sizes, repeated in a cycle.
fn in_pieces(body: &[u8], sizes: &[usize]) -> Option<(ListHead, PodBatch)> {
    let (mut pods, mut rest) = (PodList::new(vec![7; 9]), body);
    for size in sizes.iter().cycle().take_while(|size| **size > 0) {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at(rest.len().min(*size));
        pods.take(piece);
        rest = later;
    }
    pods.end().ok()
}

fn at_once(body: &[u8]) -> Option<(ListHead, PodBatch)> {
    let mut batch = PodBatch::default();
    decode_list(body, &mut batch).ok().map(|head| (head, batch))
}

/// Half a MiB of pods, one of them larger than what is put together, one unreadable and one without a name.
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut pods: Vec<_> = (0..40).map(|at| pod(&format!("pod-{at}"), 9_000 + 100 * at)).collect();
    pods.insert(7, pod("heavy", 3 * GATHER));
    pods.insert(20, vec![0x0a, 0x7f, 1]);
    pods.insert(21, pod("", 10));
    answer("PodList", &list(&pods))
});

#[test]
fn pods_are_the_same_however_the_body_is_cut() {
    let (head, batch) = in_pieces(&LARGE, &[LARGE.len()]).unwrap();
    assert_eq!((head.objects, head.unreadable, head.remaining), (41, 2, Some(7)));
    assert_eq!((&*head.resource_version, &*head.continue_token), ("41", "go-on"));
    let names: Vec<_> = batch.iter().map(|(pod, _)| pod.name.to_owned()).collect();
    assert_eq!((names.len(), &*names[0], &*names[7], &*names[40]), (41, "pod-0", "heavy", "pod-39"));
    for sizes in [
        &[1][..],
        &[3],
        &[1_000],
        &[16_384],
        &[SMALL - 1],
        &[SMALL],
        &[SMALL, 9_000],
        &[GATHER - 1],
        &[GATHER],
        &[100_000],
        &[200_000, 5, 70_000, 30],
    ] {
        assert_eq!(in_pieces(&LARGE, sizes), Some((head.clone(), batch.clone())), "{sizes:?}");
    }
}

#[test]
fn no_more_waits_than_one_object_and_a_little() {
    for size in [1_000, 16_384, 100_000, 400_000] {
        let mut pods = PodList::default();
        let mut most = 0;
        for piece in LARGE.chunks(size) {
            pods.take(piece);
            most = most.max(pods.buffered());
        }
        assert!(most <= 3 * GATHER + 16_384 + 100, "{most} bytes wait after pieces of {size}");
    }
}

#[test]
fn an_answer_that_ends_early_is_refused_wherever_it_ends() {
    let body = answer("PodList", &list(&[pod("a", 200), pod("b", 3)]));
    assert!(in_pieces(&body, &[body.len()]).is_some());
    // The last four bytes are the encoding and the content type, both empty: without them it is whole, too.
    for end in 0..body.len() - 4 {
        for size in [1, 50, body.len()] {
            assert_eq!(in_pieces(&body[..end], &[size]), None, "{end} in pieces of {size}");
        }
    }
    for end in (GATHER..LARGE.len() - 4).step_by(9_973) {
        assert_eq!(in_pieces(&LARGE[..end], &[150_000]), None, "{end}");
    }
}

#[test]
fn what_is_no_list_of_pods_is_refused_and_what_is_written_otherwise_is_read() {
    let pods = list(&[pod("a", 10)]);
    let kind = |kind: &str| sized(1, &sized(2, kind.as_bytes()));
    let encoded = [MAGIC, &kind("PodList"), &sized(2, &pods), &sized(3, b"gzip")].concat();
    let twice = [MAGIC, &kind("PodList"), &sized(2, &pods), &sized(2, &pods)].concat();
    let longer = [MAGIC, &kind("PodList"), &[0x12, 5, 0x12, 9, 1, 2, 3]].concat();
    for body in [&answer("NodeList", &pods), &answer("Status", &pods), &encoded, &twice, &longer, &b"<html>".to_vec()] {
        for size in [1, 7, body.len()] {
            assert_eq!(in_pieces(body, &[size]), None, "{body:?} in pieces of {size}");
        }
    }
    let backwards = [MAGIC, &sized(2, &pods), &kind("PodList")].concat();
    let json = br#"{"metadata":{"resourceVersion":"41"},"items":[{"metadata":{"name":"a"}}]}"#.to_vec();
    for body in [backwards, json] {
        for size in [1, 7, body.len()] {
            let (head, batch) = in_pieces(&body, &[size]).unwrap();
            assert_eq!((head.objects, &*head.resource_version), (1, "41"));
            assert_eq!(batch.iter().next().unwrap().0.name, "a");
        }
    }
}

#[test]
fn a_refusal_shows_how_the_answer_begins() {
    let mut pods = PodList::default();
    let body = answer("PodList", &[&[0x12, 0xff, 0xff, 0x7f][..], &[b'x'; 300]].concat());
    body.chunks(11).for_each(|piece| pods.take(piece));
    let error = pods.end().unwrap_err();
    assert!(error.text.contains("PodList") && error.text.ends_with(CUT), "{}", error.text);
    assert_eq!(pods.start(), &body[..EXCERPT]);
}

proptest! {
    #[test]
    fn damaged_bodies_read_the_same_in_pieces_and_at_once(
        at in 0_usize..10_000,
        byte: u8,
        cut in 0_usize..10_000,
        sizes in prop::collection::vec(1_usize..200, 1..5),
    ) {
        let mut body = answer("PodList", &list(&[pod("a", 150), pod("b", 3), pod("c", 40)]));
        let (at, end) = (at % body.len(), body.len() - (cut % body.len()) / 8);
        body[at] = byte;
        let body = &body[..end];
        prop_assert_eq!(in_pieces(body, &sizes), at_once(body));
        prop_assert_eq!(in_pieces(body, &[body.len()]), at_once(body));
    }

    #[test]
    fn damaged_large_bodies_read_the_same_in_pieces_and_at_once(
        at in prop_oneof![0..LARGE.len(), (0_usize..40).prop_map(|pod| 9_020 * pod)],
        byte: u8,
        cut in prop_oneof![4 => Just(0), 1 => 0_usize..300_000],
        sizes in prop::collection::vec(prop_oneof![1_usize..50, 20_000_usize..120_000], 1..5),
    ) {
        let mut body = LARGE.clone();
        body[at] = byte;
        let body = &body[..LARGE.len() - cut];
        prop_assert!(in_pieces(body, &sizes) == at_once(body));
    }
}
