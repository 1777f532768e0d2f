//! Any bytes through `bodies::json`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::json(bytes));
