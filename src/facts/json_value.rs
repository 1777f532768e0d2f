//! A whole object as a JSON value: for the details of single objects, where leniency matters and speed does not.
//!
//! A value that is missing, `null` or of the wrong type reads as absent, as in [`super::json`].

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json::repaired;
use super::quantity::Quantity;
use super::text::Clean;
use super::wire::{DecodeError, refuse};

/// Reads a body of any shape. Invalid characters, in bytes or in escapes, are replaced.
///
/// # Errors
/// [`serde_json::Error`] if it is not JSON, or of another shape.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body).or_else(|_| serde_json::from_str(&repaired(body)))
}

/// Reads a whole body as [`read`] does.
///
/// # Errors
/// [`DecodeError`] if it is not a JSON object.
pub(super) fn object(body: &[u8], expected: &str) -> Result<Value, DecodeError> {
    match read(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(refuse(expected, "it is no object", body)),
        Err(error) => Err(refuse(expected, &error.to_string(), body)),
    }
}

/// Text at `path`; empty if absent.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Text at `path`, sanitised.
pub(super) fn clean(value: &Value, path: &str) -> Clean {
    Clean::new(text(value, path))
}

/// Time at `path`; a time before 1970 is Go's zero time and counts as absent (F82).
pub(super) fn time(value: &Value, path: &str) -> Option<Timestamp> {
    text(value, path).parse().ok().filter(|time| *time >= Timestamp::UNIX_EPOCH)
}

/// Whole number at `path`.
pub(super) fn int(value: &Value, path: &str) -> Option<i64> {
    let number = value.pointer(path)?;
    number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX))
}

/// Number at `path` as a count, clamped at 0.
pub(super) fn count(value: &Value, path: &str) -> Option<u32> {
    int(value, path).map(clamped)
}

/// Converts a number to a count, clamped at 0.
pub(super) fn clamped(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// Boolean at `path`.
pub(super) fn flag(value: &Value, path: &str) -> Option<bool> {
    value.pointer(path).and_then(Value::as_bool)
}

/// Elements at `path`; empty if it is not an array.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Readable amounts at `path` by resource, sorted by name.
pub(super) fn amounts(value: &Value, path: &str) -> Vec<(Clean, Quantity)> {
    let Some(map) = value.pointer(path).and_then(Value::as_object) else { return Vec::new() };
    let amount = |value: &Value| match value {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).ok(),
        _ => None,
    };
    let mut amounts: Vec<_> = map.iter().filter_map(|(name, value)| Some((Clean::new(name), amount(value)?))).collect();
    amounts.sort_unstable();
    amounts
}
