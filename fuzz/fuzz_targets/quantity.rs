//! Any bytes through `bodies::quantity`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::quantity(bytes));
