//! Natural order of names: numbers by value, so that `node-9` comes before `node-10`.

use std::cmp::Ordering;

/// Compares two names; digits are compared as numbers of any length, everything else byte by byte.
/// Names that differ only in leading zeros are still distinguished.
pub(crate) fn natural_cmp(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, rest_x) = number(left);
                let (y, rest_y) = number(right);
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
                if order.is_ne() {
                    return order;
                }
                (left, right) = (rest_x, rest_y);
            }
            (Some(x), Some(y)) => {
                if x != y {
                    return x.cmp(y);
                }
                (left, right) = (&left[1..], &right[1..]);
            }
        }
    }
}

/// The digits at the start, without leading zeros, and the rest.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().position(|byte| *byte != b'0').unwrap_or(digits.len());
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_go_by_value() {
        let mut names = ["gpu-10", "gpu-9", "gpu-0010", "10-16-10-114.maas", "10-16-9-1.maas", "gpu", "a2b10", "a2b9"];
        names.sort_by(|a, b| natural_cmp(a, b));
        let by_hand = ["10-16-9-1.maas", "10-16-10-114.maas", "a2b9", "a2b10", "gpu", "gpu-9", "gpu-0010", "gpu-10"];
        assert_eq!(names, by_hand);
    }

    #[test]
    fn numbers_longer_than_any_integer_do_not_overflow() {
        let (small, large) = ("1".repeat(60), "2".repeat(60));
        assert_eq!(natural_cmp(&small, &large), Ordering::Less);
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[a-c0-2-]{0,6}", b in "[a-c0-2-]{0,6}", c in "[a-c0-2-]{0,6}") {
            prop_assert_eq!(natural_cmp(&a, &b), natural_cmp(&b, &a).reverse());
            prop_assert_eq!(natural_cmp(&a, &b) == Ordering::Equal, a == b);
            if natural_cmp(&a, &b).is_le() && natural_cmp(&b, &c).is_le() {
                prop_assert!(natural_cmp(&a, &c).is_le());
            }
        }
    }
}
