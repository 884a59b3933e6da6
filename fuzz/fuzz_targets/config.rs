#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tower_health_fuzz::config::run(input));
