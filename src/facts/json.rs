//! Lenient JSON: what is missing, `null` or of the wrong type reads as absent, and never fails the object around it (F70-F75, F82).
//!
//! Only broken JSON is an error. Everything is borrowed from the body in one pass; what is not asked for is skipped unread.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::quantity::Quantity;

/// An object of which some fields are kept.
pub(super) trait Slim<'de>: Default {
    /// Reads the value of `key`, or skips it. A key that comes twice counts the second time, as in Go.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// What keeps its memory from one object to the next.
pub(super) trait Reset {
    /// Makes it as good as new.
    fn reset(&mut self);
}

/// Skips a value.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// A text; empty if it is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// A boolean; `None` if it is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flag(pub(super) Option<bool>);

/// A whole number, saturated; `None` if it is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Int(pub(super) Option<i64>);

/// Whether a value is there and not `null`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Present(pub(super) bool);

/// A time that is read only when it is asked for: most are not.
#[derive(Clone, Debug, Default)]
pub(super) enum When<'de> {
    /// Absent or `null`.
    #[default]
    Absent,
    /// There, and no text.
    Odd,
    /// As JSON has it.
    Written(Cow<'de, str>),
    /// As protobuf has it.
    Read(Option<Timestamp>),
}

impl When<'_> {
    /// Whether a value is there, readable or not.
    pub(super) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The time; `None` if there is none, or none that can be read (F82).
    pub(super) fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Absent | Self::Odd => None,
            Self::Written(text) => Time::text(Cow::Borrowed(text)).0,
            Self::Read(at) => *at,
        }
    }
}

/// A time; `None` if there is none, or none that can be read (F82).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time(pub(super) Option<Timestamp>);

/// A quantity, written as text or as a plain number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Amount {
    /// `null`.
    #[default]
    Absent,
    /// Neither a quantity nor `null`.
    Unreadable,
    /// What was read.
    Known(Quantity),
}

/// An object, or the default where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Obj<T>(pub(super) T);

/// The elements of an array; none where there is no array.
#[derive(Clone, Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

/// Keys and values of an object in their order; none where there is no object.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'de, T>(pub(super) Vec<(Text<'de>, T)>);

/// The elements of an array whose memory, and that of what is in them, serves the next object again.
#[derive(Clone, Debug)]
pub(super) struct Reused<T> {
    slots: Vec<T>,
    len: usize,
}

impl<T> Default for Reused<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), len: 0 }
    }
}

impl<T> std::ops::Deref for Reused<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.slots[..self.len]
    }
}

impl<T> Reset for Reused<T> {
    fn reset(&mut self) {
        self.len = 0;
    }
}

impl<T: Default + Reset> Reused<T> {
    /// One more element, as good as new.
    pub(super) fn add(&mut self) -> &mut T {
        if self.len == self.slots.len() {
            self.slots.push(T::default());
        } else {
            self.slots[self.len].reset();
        }
        self.len += 1;
        &mut self.slots[self.len - 1]
    }
}

impl<T> Reset for List<T> {
    fn reset(&mut self) {
        self.0.clear();
    }
}

impl<T: Reset> Reset for Obj<T> {
    fn reset(&mut self) {
        self.0.reset();
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for Pairs<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// What each kind of JSON value means to `Self`; by default nothing.
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
    /// An array or an object.
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

impl<'de> Scalar<'de> for When<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        Self::Written(text)
    }
    fn number(_: Number) -> Self {
        Self::Odd
    }
    fn flag(_: bool) -> Self {
        Self::Odd
    }
    fn other() -> Self {
        Self::Odd
    }
}

impl<'de> Scalar<'de> for Time {
    /// Go writes its zero time as the year 1: whatever is older than 1970 is no time at all.
    fn text(text: Cow<'de, str>) -> Self {
        Self(text.parse().ok().filter(|time| *time >= Timestamp::UNIX_EPOCH))
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
scalars!(Text<'de>, Flag, Int, Present, When<'de>, Time, Amount);

fn drain<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// What an array and an object mean to `Self`; anything else is the default.
pub(super) trait Compound<'de>: Default {
    fn seq<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        drain(seq)?;
        Ok(Self::default())
    }
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'de, T: Slim<'de>> Compound<'de> for Obj<T> {
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let mut object = T::default();
        fields(&mut object, map)?;
        Ok(Self(object))
    }
}

impl<'de, T: Deserialize<'de>> Compound<'de> for List<T> {
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Self(elements))
    }
}

impl<'de, T: Deserialize<'de>> Compound<'de> for Pairs<'de, T> {
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Self(pairs))
    }
}

/// Reads a value of any kind as a compound one.
pub(super) fn compound<'de, T: Compound<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(CompoundVisitor(PhantomData))
}

struct CompoundVisitor<T>(PhantomData<T>);

impl<'de, T: Compound<'de>> Visitor<'de> for CompoundVisitor<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::seq(seq)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
    }
}

macro_rules! compounds {
    ($([$($bound:tt)*] $name:ty),*) => {$(
        impl<'de, T: $($bound)*> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                compound(deserializer)
            }
        }
    )*};
}
compounds!([Slim<'de>] Obj<T>, [Deserialize<'de>] List<T>, [Deserialize<'de>] Pairs<'de, T>);

/// What can be read into in place. It is as good as new before, and stays so where a value is neither an array nor an object.
pub(super) trait Fill<'de> {
    fn seq<A: SeqAccess<'de>>(&mut self, seq: A) -> Result<(), A::Error> {
        drain(seq)
    }
    fn map<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'de, T: Slim<'de>> Fill<'de> for Obj<T> {
    fn map<A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error> {
        fields(&mut self.0, map)
    }
}

impl<'de, T: Deserialize<'de>> Fill<'de> for List<T> {
    fn seq<A: SeqAccess<'de>>(&mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            self.0.push(element);
        }
        Ok(())
    }
}

impl<'de, T: Slim<'de> + Reset> Fill<'de> for Reused<T> {
    fn seq<A: SeqAccess<'de>>(&mut self, mut seq: A) -> Result<(), A::Error> {
        loop {
            let element = self.add();
            if seq.next_element_seed(Object(element))?.is_none() {
                self.len -= 1;
                return Ok(());
            }
        }
    }
}

/// Reads a value into `T`, which is made as good as new before: a key that comes twice counts the second time.
pub(super) struct Anew<'m, T>(pub(super) &'m mut T);

impl<'de, T: Fill<'de> + Reset> DeserializeSeed<'de> for Anew<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.reset();
        deserializer.deserialize_any(FillVisitor(self.0))
    }
}

/// Reads an object into `T`, which is as good as new.
pub(super) struct Object<'m, T>(pub(super) &'m mut T);

impl<'de, T: Slim<'de>> DeserializeSeed<'de> for Object<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(FillVisitor(&mut Fields(self.0)))
    }
}

struct Fields<'m, T>(&'m mut T);

impl<'de, T: Slim<'de>> Fill<'de> for Fields<'_, T> {
    fn map<A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error> {
        fields(self.0, map)
    }
}

fn fields<'de, T: Slim<'de>, A: MapAccess<'de>>(object: &mut T, mut map: A) -> Result<(), A::Error> {
    while let Some(key) = map.next_key::<Text<'de>>()? {
        object.field(&key, &mut map)?;
    }
    Ok(())
}

struct FillVisitor<'m, T>(&'m mut T);

impl<'de, T: Fill<'de>> Visitor<'de> for FillVisitor<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.0.seq(seq)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.map(map)
    }
}
