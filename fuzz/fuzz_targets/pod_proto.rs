//! Any bytes through `bodies::pod_proto`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::pod_proto(bytes));
