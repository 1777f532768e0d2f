//! Any bytes through `bodies::node_json`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::node_json(bytes));
