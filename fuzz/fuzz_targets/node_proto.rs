//! Any bytes through `bodies::node_proto`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::node_proto(bytes));
