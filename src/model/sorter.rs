//! A merge sort in bounded slices, so that no key waits for the rows of a large list.
//!
//! Rows come in runs of one slice; each run is sorted as it comes, and runs are merged pairwise, round by round. The
//! result is that of one stable sort of all rows.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::iter::Peekable;
use std::mem;
use std::vec::IntoIter;

/// Rows that one slice reads, filters and sorts: about 2 ms, of the 16 ms in which a key is answered.
pub(crate) const SLICE: usize = 2_048;

/// Rows that are merged in the time that it takes to read one.
const MERGED_PER_ROW: usize = 16;

/// Rows that are being sorted into one run.
#[derive(Debug)]
pub(crate) struct Sorter<T> {
    /// Sorted runs that are still to be merged in this round, in order.
    runs: VecDeque<Vec<T>>,
    /// Runs that this round has made.
    merged: Vec<Vec<T>>,
    merge: Option<Merge<T>>,
}

/// Two adjacent runs that become one.
#[derive(Debug)]
struct Merge<T> {
    left: Peekable<IntoIter<T>>,
    right: Peekable<IntoIter<T>>,
    out: Vec<T>,
}

impl<T> Default for Sorter<T> {
    fn default() -> Self {
        Self { runs: VecDeque::new(), merged: Vec::new(), merge: None }
    }
}

impl<T> Sorter<T> {
    /// Adds the rows of the next slice. Rows that follow those before in order already extend their run, so that rows that
    /// come sorted are never merged.
    pub(crate) fn add(&mut self, mut rows: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
        rows.sort_by(&compare);
        let (Some(first), Some(run)) = (rows.first(), self.runs.back_mut()) else {
            return self.runs.extend((!rows.is_empty()).then_some(rows));
        };
        if run.last().is_some_and(|last| compare(last, first).is_le()) {
            run.append(&mut rows);
        } else {
            self.runs.push_back(rows);
        }
    }

    /// Merges as many of the rows that were added as take the time of reading `slice` rows. Returns `true` when all are one run.
    pub(crate) fn merge(&mut self, slice: usize, compare: impl Fn(&T, &T) -> Ordering) -> bool {
        let mut left = MERGED_PER_ROW * slice;
        loop {
            if let Some(mut merge) = self.merge.take() {
                if !merge.advance(&mut left, &compare) {
                    self.merge = Some(merge);
                    return false;
                }
                self.merged.push(merge.out);
            }
            match (self.runs.pop_front(), self.runs.pop_front()) {
                (Some(first), Some(second)) => self.merge = Some(Merge::new(first, second)),
                (Some(odd), None) => self.merged.push(odd),
                (None, _) if self.merged.len() > 1 => self.runs.extend(mem::take(&mut self.merged)),
                (None, _) => return true,
            }
        }
    }

    /// The rows in order, once [`Sorter::merge`] has returned `true`.
    pub(crate) fn into_rows(self) -> Vec<T> {
        self.merged.into_iter().next().unwrap_or_default()
    }

    /// Bytes on the heap, without what the rows point to.
    pub(crate) fn heap_bytes(&self) -> usize {
        let runs = self.runs.iter().chain(&self.merged).map(Vec::capacity).sum::<usize>();
        let merge = self.merge.as_ref().map_or(0, |merge| 2 * merge.out.capacity());
        (runs + merge) * size_of::<T>()
    }
}

impl<T> Merge<T> {
    fn new(left: Vec<T>, right: Vec<T>) -> Self {
        let out = Vec::with_capacity(left.len() + right.len());
        Self { left: left.into_iter().peekable(), right: right.into_iter().peekable(), out }
    }

    /// Moves up to `left` rows; of equal ones that of the left run goes first. Returns `true` when both runs are empty.
    fn advance(&mut self, left: &mut usize, compare: impl Fn(&T, &T) -> Ordering) -> bool {
        loop {
            let from = match (self.left.peek(), self.right.peek()) {
                (None, None) => return true,
                _ if *left == 0 => return false,
                (Some(a), Some(b)) if compare(a, b).is_gt() => &mut self.right,
                (None, Some(_)) => &mut self.right,
                (Some(_), _) => &mut self.left,
            };
            self.out.extend(from.next());
            *left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn by_first(a: &(u8, usize), b: &(u8, usize)) -> Ordering {
        a.0.cmp(&b.0)
    }

    fn sorted(rows: &[(u8, usize)], slice: usize) -> Vec<(u8, usize)> {
        let mut sorter = Sorter::default();
        rows.chunks(slice).for_each(|some| sorter.add(some.to_vec(), by_first));
        while !sorter.merge(1, by_first) {}
        sorter.into_rows()
    }

    proptest! {
        #[test]
        fn rows_lie_as_after_one_stable_sort(keys in vec(0_u8..6, 0..200), slice in 1_usize..20) {
            let rows: Vec<_> = keys.into_iter().zip(0..).collect();
            let mut oracle = rows.clone();
            oracle.sort_by(by_first);
            prop_assert_eq!(sorted(&rows, slice), oracle);
        }
    }

    /// 100,000 rows in the worst order for runs: no slice compares more rows than it may merge.
    #[test]
    fn a_slice_of_a_large_merge_is_bounded() {
        let compared = Cell::new(0);
        let compare = |a: &u32, b: &u32| {
            compared.set(compared.get() + 1);
            a.cmp(b)
        };
        let mut sorter = Sorter::default();
        let rows: Vec<u32> = (0..100_000).rev().collect();
        rows.chunks(SLICE).for_each(|some| sorter.add(some.to_vec(), compare));
        let mut slices = 0;
        loop {
            compared.set(0);
            slices += 1;
            let done = sorter.merge(SLICE, compare);
            assert!(compared.get() <= MERGED_PER_ROW * SLICE, "{} rows in one slice", compared.get());
            if done {
                break;
            }
        }
        assert!(slices > 10, "{slices} slices");
        assert_eq!(sorter.into_rows(), (0..100_000).collect::<Vec<_>>());
    }

    #[test]
    fn rows_that_come_sorted_are_never_merged() {
        let mut sorter = Sorter::default();
        let rows: Vec<u32> = (0..10_000).collect();
        rows.chunks(SLICE).for_each(|some| sorter.add(some.to_vec(), u32::cmp));
        assert_eq!(sorter.runs.len(), 1);
        assert!(sorter.merge(SLICE, u32::cmp));
        assert_eq!(sorter.into_rows(), rows);
    }
}
