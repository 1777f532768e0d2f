//! Any bytes through `bodies::kubeconfig`.

#![no_main]

use watchbell::testing::bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::kubeconfig(bytes));
