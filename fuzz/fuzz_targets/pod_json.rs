//! Any bytes through `bodies::pod_json`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::pod_json(bytes));
