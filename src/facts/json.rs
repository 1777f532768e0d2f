//! Lenient JSON: a value that is missing, `null` or of the wrong type reads as absent and never fails the object around it
//! (F70-F75, F82).
//!
//! Only malformed JSON is an error. All values are borrowed from the body in one pass; unknown fields are skipped without parsing
//! ([`scan`]).

mod reader;
mod scalar;
mod scan;
mod text;

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(super) use reader::{JsonError, JsonReader, from_slice};
pub(super) use scalar::{Amount, Flag, Int, LazyTime, MicroTime, Present, RawValue, Text, Time};
pub use text::repaired;

/// Object of which some fields are read from JSON.
pub(super) trait JsonFields<'de>: Default {
    /// Reads the value of `key`, or skips it. Of a duplicate key the last value counts, as in Go.
    fn json_field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Value whose memory is reused from one object to the next.
pub(super) trait Reset {
    /// Restores the default and keeps the memory.
    fn reset(&mut self);
}

/// Skips a value.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Object; the default if the value is not an object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Obj<T>(pub(super) T);

/// Elements of an array; empty if the value is not an array.
#[derive(Clone, Debug)]
pub(super) struct JsonList<T>(pub(super) Vec<T>);

/// Keys and values of an object in their order; empty if the value is not an object.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'de, T>(pub(super) Vec<(Text<'de>, T)>);

/// Elements of an array that keep their memory for the next object.
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
    /// Appends an element in its default state, reusing an old one if there is any.
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

impl<T> Reset for JsonList<T> {
    fn reset(&mut self) {
        self.0.clear();
    }
}

impl<T> Reset for Pairs<'_, T> {
    fn reset(&mut self) {
        self.0.clear();
    }
}

impl Reset for IgnoredAny {
    fn reset(&mut self) {}
}

impl<T: Reset> Reset for Obj<T> {
    fn reset(&mut self) {
        self.0.reset();
    }
}

impl<T> Default for JsonList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for Pairs<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

fn drain<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Conversion from an array or an object; any other value gives the default.
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

impl<'de, T: JsonFields<'de>> Compound<'de> for Obj<T> {
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let mut object = T::default();
        fields(&mut object, map)?;
        Ok(Self(object))
    }
}

impl<'de, T: Deserialize<'de>> Compound<'de> for JsonList<T> {
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
compounds!([JsonFields<'de>] Obj<T>, [Deserialize<'de>] JsonList<T>, [Deserialize<'de>] Pairs<'de, T>);

/// Value that an array or an object is read into in place. It is in its default state before, and any other value leaves it so.
pub(super) trait Fill<'de> {
    fn seq<A: SeqAccess<'de>>(&mut self, seq: A) -> Result<(), A::Error> {
        drain(seq)
    }
    fn map<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'de, T: JsonFields<'de>> Fill<'de> for Obj<T> {
    fn map<A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error> {
        fields(&mut self.0, map)
    }
}

impl<'de, T: Deserialize<'de>> Fill<'de> for JsonList<T> {
    fn seq<A: SeqAccess<'de>>(&mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            self.0.push(element);
        }
        Ok(())
    }
}

impl<'de, T: JsonFields<'de> + Reset> Fill<'de> for Reused<T> {
    fn seq<A: SeqAccess<'de>>(&mut self, mut seq: A) -> Result<(), A::Error> {
        loop {
            let element = self.add();
            if seq.next_element_seed(JsonObject(element))?.is_none() {
                self.len -= 1;
                return Ok(());
            }
        }
    }
}

/// Seed that resets `T` and reads a value into it, so that of a duplicate key the last value counts.
pub(super) struct ResetSeed<'m, T>(pub(super) &'m mut T);

impl<'de, T: Fill<'de> + Reset> DeserializeSeed<'de> for ResetSeed<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.reset();
        deserializer.deserialize_any(FillVisitor(self.0))
    }
}

/// Seed that reads an object into `T`, which is in its default state.
pub(super) struct JsonObject<'m, T>(pub(super) &'m mut T);

impl<'de, T: JsonFields<'de>> DeserializeSeed<'de> for JsonObject<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(FillVisitor(&mut FieldsVisitor(self.0)))
    }
}

struct FieldsVisitor<'m, T>(&'m mut T);

impl<'de, T: JsonFields<'de>> Fill<'de> for FieldsVisitor<'_, T> {
    fn map<A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error> {
        fields(self.0, map)
    }
}

fn fields<'de, T: JsonFields<'de>, A: MapAccess<'de>>(object: &mut T, mut map: A) -> Result<(), A::Error> {
    while let Some(key) = map.next_key::<Text<'de>>()? {
        object.json_field(&key, &mut map)?;
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
