//! Scalar values: text, flags, numbers, times and quantities. A value of another type reads as absent.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::drain;
use crate::facts::quantity::Quantity;

/// Text; empty if the value is not text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct Text<'de>(pub(in crate::facts) Cow<'de, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// Boolean; `None` if the value is not a boolean.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::facts) struct Flag(pub(in crate::facts) Option<bool>);

/// Whole number, saturated; `None` if the value is not a whole number.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::facts) struct Int(pub(in crate::facts) Option<i64>);

/// Presence of a value: `true` unless it is absent or `null`.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::facts) struct Present(pub(in crate::facts) bool);

/// Time that is parsed only on access, since most are never used.
#[derive(Clone, Debug, Default)]
pub(in crate::facts) enum LazyTime<'de> {
    /// Absent or `null`.
    #[default]
    Absent,
    /// Present, but not text.
    Invalid,
    /// JSON text.
    Written(Cow<'de, str>),
    /// Seconds since 1970, from protobuf.
    Seconds(i64),
}

impl LazyTime<'_> {
    /// Returns `true` if a value is present, readable or not.
    pub(in crate::facts) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Parses the time; `None` if it is absent or unreadable (F82).
    pub(in crate::facts) fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Absent | Self::Invalid => None,
            Self::Written(text) => Time::text(Cow::Borrowed(text)).0,
            Self::Seconds(seconds) => Time::from_seconds(*seconds).0,
        }
    }
}

/// Time; `None` if it is absent or unreadable (F82).
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::facts) struct Time(pub(in crate::facts) Option<Timestamp>);

impl Time {
    /// Converts seconds since 1970; `None` for 0 and less, which includes Go's zero time.
    pub(in crate::facts) fn from_seconds(seconds: i64) -> Self {
        Self((seconds > 0).then(|| Timestamp::from_second(seconds).ok()).flatten())
    }
}

/// `MicroTime`, which has microseconds; in JSON it is written like any other time.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::facts) struct MicroTime(pub(in crate::facts) Option<Timestamp>);

/// Quantity, written as text or as a plain number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::facts) enum Amount {
    /// `null`.
    #[default]
    Absent,
    /// Present, but not a quantity.
    Unreadable,
    /// Readable quantity.
    Known(Quantity),
}

/// Unparsed value; `null` if it is absent.
#[derive(Clone, Copy, Debug)]
pub(in crate::facts) struct RawValue<'de>(pub(in crate::facts) &'de [u8]);

impl Default for RawValue<'_> {
    fn default() -> Self {
        Self(b"null")
    }
}

impl<'de> Deserialize<'de> for RawValue<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(RawValueVisitor)
    }
}

struct RawValueVisitor;

impl<'de> Visitor<'de> for RawValueVisitor {
    type Value = RawValue<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<RawValue<'de>, E> {
        Ok(RawValue(bytes))
    }
}

/// Conversion from each type of JSON value; by default to the default.
trait Scalar<'de>: Default {
    fn text(_: Cow<'de, str>) -> Self {
        Self::default()
    }
    fn number(_: Number) -> Self {
        Self::default()
    }
    fn flag(_: bool) -> Self {
        Self::default()
    }
    /// Converts an array or an object.
    fn other() -> Self {
        Self::default()
    }
}

enum Number {
    Int(i128),
    Float(f64),
}

impl<'de> Scalar<'de> for Text<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(text)
    }
}

impl Scalar<'_> for Flag {
    fn flag(flag: bool) -> Self {
        Self(Some(flag))
    }
}

impl Scalar<'_> for Int {
    fn number(number: Number) -> Self {
        match number {
            Number::Int(int) => Self(Some(i64::try_from(int).unwrap_or(if int < 0 { i64::MIN } else { i64::MAX }))),
            Number::Float(_) => Self(None),
        }
    }
}

impl<'de> Scalar<'de> for Present {
    fn text(_: Cow<'de, str>) -> Self {
        Self(true)
    }
    fn number(_: Number) -> Self {
        Self(true)
    }
    fn flag(_: bool) -> Self {
        Self(true)
    }
    fn other() -> Self {
        Self(true)
    }
}

impl<'de> Scalar<'de> for LazyTime<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        Self::Written(text)
    }
    fn number(_: Number) -> Self {
        Self::Invalid
    }
    fn flag(_: bool) -> Self {
        Self::Invalid
    }
    fn other() -> Self {
        Self::Invalid
    }
}

impl<'de> Scalar<'de> for Time {
    /// Go writes its zero time as the year 1, so a time before 1970 counts as absent.
    fn text(text: Cow<'de, str>) -> Self {
        Self(text.parse().ok().filter(|time| *time >= Timestamp::UNIX_EPOCH))
    }
}

impl<'de> Scalar<'de> for MicroTime {
    fn text(text: Cow<'de, str>) -> Self {
        Self(Time::text(text).0)
    }
}

impl<'de> Scalar<'de> for Amount {
    fn text(text: Cow<'de, str>) -> Self {
        Quantity::parse(&text).map_or(Self::Unreadable, Self::Known)
    }
    fn number(number: Number) -> Self {
        let text = match number {
            Number::Int(int) => int.to_string(),
            Number::Float(float) => float.to_string(),
        };
        Self::text(text.into())
    }
    fn flag(_: bool) -> Self {
        Self::Unreadable
    }
    fn other() -> Self {
        Self::Unreadable
    }
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<'de, T: Scalar<'de>> Visitor<'de> for ScalarVisitor<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::flag(flag))
    }
    fn visit_i64<E>(self, int: i64) -> Result<T, E> {
        Ok(T::number(Number::Int(int.into())))
    }
    fn visit_u64<E>(self, int: u64) -> Result<T, E> {
        Ok(T::number(Number::Int(int.into())))
    }
    fn visit_f64<E>(self, float: f64) -> Result<T, E> {
        Ok(T::number(Number::Float(float)))
    }
    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        drain(seq)?;
        Ok(T::other())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::other())
    }
}

macro_rules! scalars {
    ($($name:ty),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ScalarVisitor(PhantomData))
            }
        }
    )*};
}
scalars!(Text<'de>, Flag, Int, Present, LazyTime<'de>, Time, MicroTime, Amount);
