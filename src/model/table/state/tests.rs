//! A long list is sorted in slices, whatever list it is.

use std::cell::Cell as Counter;
use std::time::Duration;

use super::*;
use crate::facts::text::Clean;
use crate::model::derive::gpus::HeldDevices;
use crate::model::table::gpus::{HeldKey, HeldList};

/// Rows that count how often they are read.
struct Counted {
    rows: Vec<HeldDevices>,
    read: Counter<usize>,
    searched: usize,
}

impl Counted {
    fn new(rows: usize) -> Self {
        let row = |at: usize| HeldDevices {
            claim: false,
            silent: false,
            namespace: "ns".into(),
            name: Clean::new(&format!("p{at}")),
            node: Clean::new(&format!("n{}", at % 7)),
            owner: Clean::default(),
            amount: i64::try_from(at * 7919 % rows).unwrap(),
            resource: "nvidia.com/gpu".into(),
            kind: crate::facts::accelerator::Kind::Device,
            state: "Pending".into(),
            since: None,
        };
        Self { rows: (0..rows).map(row).collect(), read: Counter::new(0), searched: 0 }
    }

    /// Arranges the table; returns the number of rows that were read for it.
    fn arrange(&self, table: &mut Table<HeldList>, revision: u64, second: u64) -> usize {
        self.read.set(0);
        table.arrange(self, revision, || (0..self.rows.len()).collect(), Mono(Duration::from_secs(second)));
        self.read.get()
    }

    /// Goes on until the rows lie in order; returns the most rows that one slice read, and the number of slices.
    fn finish(&self, table: &mut Table<HeldList>) -> (usize, usize) {
        let (mut most, mut slices) = (0, 0);
        while table.is_arranging() {
            self.read.set(0);
            table.advance(self);
            (most, slices) = (most.max(self.read.get()), slices + 1);
        }
        (most, slices)
    }
}

impl RowSource<HeldList> for Counted {
    fn row(&self, index: &usize) -> Option<&HeldDevices> {
        self.read.set(self.read.get() + 1);
        self.rows.get(*index)
    }

    fn key(&self, index: &usize) -> Option<HeldKey> {
        self.rows.get(*index).map(HeldKey::of)
    }

    fn find(&self, key: &HeldKey) -> Option<usize> {
        self.rows.iter().position(|row| key.is_of(row))
    }

    fn searched(&self) -> usize {
        self.searched
    }
}

#[test]
fn a_short_list_for_which_many_records_are_searched_is_sorted_once_a_second_while_they_change() {
    for (searched, expected) in [(SLICE, 1), (SLICE + 1, 0)] {
        let rows = Counted { searched, ..Counted::new(1) };
        let mut table = Table::default();
        rows.arrange(&mut table, 1, 0);
        let mut searches = 0;
        table.arrange(
            &rows,
            2,
            || {
                searches += 1;
                vec![0]
            },
            Mono(Duration::from_millis(999)),
        );
        assert_eq!(searches, expected, "{searched}");
        assert!(rows.arrange(&mut table, 3, 1) > 0, "{searched}");
    }
}

#[test]
fn no_key_reads_more_than_a_slice_of_a_long_list_and_the_old_order_stays_until_the_new_one_is_made() {
    let rows = Counted::new(100_000);
    let mut table = Table::default();
    assert!(rows.arrange(&mut table, 1, 0) <= SLICE);
    let (most, slices) = rows.finish(&mut table);
    assert!(most <= SLICE && slices > 40, "{most} rows in one of {slices} slices");
    assert!(table.state.sort_by(SortBy::Gpu));
    assert!(rows.arrange(&mut table, 1, 0) <= SLICE);
    assert!(table.is_arranging());
    assert_eq!((table.order()[0], table.extent().len), (0, 100_000), "the old order");
    let (most, _) = rows.finish(&mut table);
    assert!(most <= SLICE, "{most}");
    assert_eq!(rows.rows[table.order()[0]].amount, 99_999, "most first");
    table.state.edit_filter(&LineEdit::Paste("node:n3".to_owned()));
    assert!(rows.arrange(&mut table, 1, 0) <= SLICE);
    assert_eq!(table.extent().len, 100_000, "what the new filter hides stays until all rows were read");
    rows.finish(&mut table);
    assert_eq!(table.extent().len, (0..100_000).filter(|at| at % 7 == 3).count());
}

#[test]
fn news_that_never_end_keep_no_order_from_the_screen() {
    let rows = Counted::new(10_000);
    let mut table = Table::default();
    rows.arrange(&mut table, 0, 0);
    for revision in 1..20 {
        rows.arrange(&mut table, revision, 0);
        table.advance(&rows);
    }
    assert!(!table.is_arranging() && table.order().len() == 10_000);
    assert_eq!(rows.arrange(&mut table, 30, 0), 0, "a long list waits a second");
    assert!(rows.arrange(&mut table, 30, 1) > 0);
}

#[test]
fn a_held_order_keeps_its_rows_and_new_ones_come_last() {
    let mut rows = Counted::new(6);
    let mut table = Table::default();
    assert!(table.state.sort_by(SortBy::Gpu));
    rows.arrange(&mut table, 1, 0);
    let before = table.order().to_vec();
    table.state.toggle_held();
    rows.rows[before[5]].amount = 1_000;
    let fresh = Counted::new(8).rows.split_off(6);
    rows.rows.extend(fresh);
    rows.arrange(&mut table, 2, 0);
    assert_eq!(table.order(), [before, vec![6, 7]].concat());
    table.state.toggle_held();
    rows.arrange(&mut table, 2, 0);
    assert_eq!(rows.rows[table.order()[0]].amount, 1_000);
}
