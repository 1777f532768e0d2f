//! Any bytes through `bodies::event`.

#![no_main]

#[path = "../../tests/corpus/bodies.rs"]
#[expect(dead_code, reason = "each target runs one of the bodies")]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::event(bytes));
