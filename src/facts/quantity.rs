//! `resource.Quantity` in fixed point.
//!
//! Source: apimachinery `pkg/api/resource/quantity.go`; the tests mirror its `TestQuantityParse`.

mod parse;

use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// Amount of a resource, exact to a billionth of its base unit (cores, bytes, devices).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quantity(i128);

/// Error: a text is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Kubernetes quantity")]
pub struct QuantityError;

impl Quantity {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// Parses the upstream grammar; rounds away from zero to a billionth, caps binary suffixes to 2^63-1 as upstream does.
    ///
    /// # Errors
    /// [`QuantityError`] if `text` does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        Self::read(text.as_bytes())
    }

    /// Parses bytes, which need not be UTF-8.
    pub(super) fn read(text: &[u8]) -> Result<Self, QuantityError> {
        parse::nano(text).map(Self)
    }

    /// Creates a quantity of whole base units.
    #[must_use]
    pub const fn whole(units: i64) -> Self {
        Self(units as i128 * 1_000_000_000)
    }

    /// Creates a quantity from billionths of the base unit.
    #[must_use]
    pub const fn from_nano(nano: i128) -> Self {
        Self(nano)
    }

    /// Value in billionths of the base unit.
    #[must_use]
    pub const fn nano(self) -> i128 {
        self.0
    }

    /// Value in thousandths of the base unit, rounded away from zero and saturated, as upstream's `MilliValue`.
    #[must_use]
    pub fn milli(self) -> i64 {
        saturate(div_away(self.0, 1_000_000))
    }

    /// Value in base units, rounded away from zero and saturated, as upstream's `Value`.
    #[must_use]
    pub fn value(self) -> i64 {
        saturate(div_away(self.0, 1_000_000_000))
    }
}

fn div_away(nano: i128, by: i128) -> i128 {
    let rest = nano % by;
    nano / by + rest.signum()
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Quantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests;
