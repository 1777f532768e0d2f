//! `message!`: one declaration of the known fields of an API object. It generates both readers, JSON and protobuf, and the reset
//! that lets one object after another reuse the memory.
//!
//! ```text
//! message! {
//!     /// `PodSpec`.
//!     pub(in crate::facts) struct Spec<'a> {
//!         node: Text<'a> = "nodeName" | 10,
//!     }
//! }
//! ```
//!
//! reads `nodeName` from JSON and field 10 from protobuf. Several names are the names of one field in several versions; a field
//! without a number is read from JSON only. Undeclared fields are skipped unread. Numbers: `generated.proto` of `k8s.io/api` and
//! `k8s.io/apimachinery`; they never change.

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess};

use super::json::{
    Amount, Flag, Int, JsonFields, JsonList, LazyTime, MicroTime, Obj, Pairs, Present, RawValue, Reset, ResetSeed,
    Reused, Text, Time, from_slice,
};
use super::proto::{Malformed, ProtoFields, WireValue};

/// Object of which some fields are read, from JSON and from protobuf.
pub(super) trait Message<'a>: JsonFields<'a> + ProtoFields<'a> + Reset {}

impl<'a, M: JsonFields<'a> + ProtoFields<'a> + Reset> Message<'a> for M {}

/// Value of a field that is read from JSON. Of a duplicate key the last value counts, as in Go.
pub(super) trait JsonValue<'a>: Default + Reset {
    /// Reads the next value of `map`.
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error>;
}

/// Value of a field that is read from protobuf: scalars are replaced, messages merged, elements of lists and maps appended.
pub(super) trait ProtoValue<'a> {
    /// `false` if the field is ignored, so that it can be skipped unread.
    const KNOWN: bool = true;

    /// Reads one field.
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed>;
}

/// Value that is parsed only on access, because most objects do not need it: the bytes as they were sent.
#[derive(Debug)]
pub(super) struct Deferred<'a, T> {
    json: Option<&'a [u8]>,
    /// Occurrences of the field.
    proto: Vec<WireValue<'a>>,
    value: PhantomData<T>,
}

impl<T> Default for Deferred<'_, T> {
    fn default() -> Self {
        Self { json: None, proto: Vec::new(), value: PhantomData }
    }
}

impl<T> Reset for Deferred<'_, T> {
    fn reset(&mut self) {
        self.json = None;
        self.proto.clear();
    }
}

impl<'a, T: Deserialize<'a> + ProtoValue<'a> + Default> Deferred<'a, T> {
    /// Parses the value; the default if it is absent or malformed.
    pub(super) fn read(&self) -> T {
        if let Some(json) = self.json {
            return from_slice(json).unwrap_or_default();
        }
        let mut value = T::default();
        let read = self.proto.iter().try_for_each(|occurrence| value.read_proto(*occurrence));
        if read.is_ok() { value } else { T::default() }
    }
}

impl<T> Deferred<'_, T> {
    /// The field was sent.
    pub(super) fn is_given(&self) -> bool {
        self.json.is_some_and(|json| json != b"null") || !self.proto.is_empty()
    }
}

impl<'a, T> JsonValue<'a> for Deferred<'a, T> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        self.json = Some(map.next_value::<RawValue<'a>>()?.0);
        Ok(())
    }
}

impl<'a, T> ProtoValue<'a> for Deferred<'a, T> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        self.proto.push(value);
        Ok(())
    }
}

/// Declares messages: the struct, [`JsonFields`], [`ProtoFields`] and [`Reset`] of each.
macro_rules! message {
    () => {};
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<$a:lifetime $(, $param:ident: $bound:path $(= $default:ty)?)*> { $($fields:tt)* }
        $($rest:tt)*
    ) => {
        message! { @struct [$(#[$meta])*] [$vis] [$name<$a $(, $param $(= $default)?)*>] $($fields)* }
        message! { @readers [$a $(, $param: $bound)*] [$name<$a $(, $param)*>] $($fields)* }
        message! { $($rest)* }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        message! { @struct [$(#[$meta])*] [$vis] [$name] $($fields)* }
        message! { @readers ['a] [$name] $($fields)* }
        message! { $($rest)* }
    };
    (
        @struct [$($meta:tt)*] [$vis:vis] [$($name:tt)*]
        $($(#[$doc:meta])* $field:ident: $type:ty = $($key:literal)+ $(| $number:literal)?,)*
    ) => {
        $($meta)*
        #[derive(Debug, Default)]
        $vis struct $($name)* {
            $($(#[$doc])* $vis $field: $type,)*
        }
    };
    (
        @readers [$a:lifetime $($generics:tt)*] [$name:ty]
        $($(#[$doc:meta])* $field:ident: $type:ty = $($key:literal)+ $(| $number:literal)?,)*
    ) => {
        impl<$a $($generics)*> $crate::facts::json::JsonFields<$a> for $name {
            fn json_field<A: serde::de::MapAccess<$a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $($($key)|+ => $crate::facts::message::JsonValue::read_json(&mut self.$field, map),)*
                    _ => $crate::facts::json::skip(map),
                }
            }
        }

        impl<$a $($generics)*> $crate::facts::proto::ProtoFields<$a> for $name {
            const KNOWN: u64 = 0 $($(
                | $crate::facts::proto::known_bit(<$type as $crate::facts::message::ProtoValue<$a>>::KNOWN, $number)
            )?)*;

            fn proto_field(
                &mut self,
                number: u64,
                value: $crate::facts::proto::WireValue<$a>,
            ) -> Result<(), $crate::facts::proto::Malformed> {
                match number {
                    $($($number => $crate::facts::message::ProtoValue::read_proto(&mut self.$field, value),)?)*
                    _ => {
                        let _ = value;
                        Ok(())
                    }
                }
            }
        }

        impl<$a $($generics)*> $crate::facts::json::Reset for $name {
            fn reset(&mut self) {
                $($crate::facts::json::Reset::reset(&mut self.$field);)*
            }
        }
    };
}
pub(super) use message;

/// Scalars, which are replaced as a whole, each with its reader for protobuf.
macro_rules! scalars {
    ($($name:ty: |$value:ident| $read:expr;)*) => {$(
        impl<'a> Reset for $name {
            fn reset(&mut self) {
                *self = Self::default();
            }
        }

        impl<'a> JsonValue<'a> for $name {
            fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
                *self = map.next_value()?;
                Ok(())
            }
        }

        impl<'a> ProtoValue<'a> for $name {
            fn read_proto(&mut self, $value: WireValue<'a>) -> Result<(), Malformed> {
                *self = $read;
                Ok(())
            }
        }
    )*};
}
scalars! {
    Text<'a>: |value| value.text();
    Flag: |value| value.flag();
    Int: |value| value.int();
    Present: |_value| Self(true);
    Time: |value| value.time()?;
    MicroTime: |value| value.micro_time()?;
    LazyTime<'a>: |value| LazyTime::Seconds(value.seconds()?);
    Amount: |value| value.amount()?;
}

impl Reset for RawValue<'_> {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl<'a> JsonValue<'a> for RawValue<'a> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        *self = map.next_value()?;
        Ok(())
    }
}

impl<'a> JsonValue<'a> for IgnoredAny {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value().map(|IgnoredAny| ())
    }
}

impl ProtoValue<'_> for IgnoredAny {
    const KNOWN: bool = false;

    fn read_proto(&mut self, _: WireValue<'_>) -> Result<(), Malformed> {
        Ok(())
    }
}

impl<'a, M: JsonFields<'a> + Reset> JsonValue<'a> for Obj<M> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(ResetSeed(self))
    }
}

impl<'a, M: ProtoFields<'a>> ProtoValue<'a> for Obj<M> {
    #[inline]
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        value.merge(&mut self.0)
    }
}

impl<M> Reset for Option<Obj<M>> {
    fn reset(&mut self) {
        *self = None;
    }
}

impl<'a, M: JsonFields<'a>> JsonValue<'a> for Option<Obj<M>> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        *self = map.next_value()?;
        Ok(())
    }
}

impl<'a, M: ProtoFields<'a>> ProtoValue<'a> for Option<Obj<M>> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        value.merge(&mut self.get_or_insert_default().0)
    }
}

impl<'a, M: JsonFields<'a> + Reset> JsonValue<'a> for Reused<M> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(ResetSeed(self))
    }
}

impl<'a, M: ProtoFields<'a> + Reset> ProtoValue<'a> for Reused<M> {
    #[inline]
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        match value {
            WireValue::Bytes(_) => value.merge(self.add()),
            WireValue::Varint(_) | WireValue::Fixed => Ok(()),
        }
    }
}

impl<'a, T: Deserialize<'a>> JsonValue<'a> for JsonList<T> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(ResetSeed(self))
    }
}

impl<'a, M: ProtoFields<'a>> ProtoValue<'a> for JsonList<Obj<M>> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        if let WireValue::Bytes(_) = value {
            let mut element = M::default();
            value.merge(&mut element)?;
            self.0.push(Obj(element));
        }
        Ok(())
    }
}

impl<'a> ProtoValue<'a> for JsonList<Text<'a>> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        self.0.push(value.text());
        Ok(())
    }
}

impl<'a, T: Deserialize<'a>> JsonValue<'a> for Pairs<'a, T> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        *self = map.next_value()?;
        Ok(())
    }
}

impl<'a> ProtoValue<'a> for Pairs<'a, Text<'a>> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        let (key, value) = value.entry()?;
        self.0.push((key, value.text()));
        Ok(())
    }
}

impl<'a> ProtoValue<'a> for Pairs<'a, Amount> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        let (key, value) = value.entry()?;
        self.0.push((key, value.amount()?));
        Ok(())
    }
}
