//! Any bytes through `bodies::text`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::text(bytes));
