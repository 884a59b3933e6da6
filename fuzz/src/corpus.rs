//! Runs every input that was kept through its target, without the fuzzer.

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    for kind in ["seeds", "corpus"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(kind)
            .join(target);
        let files = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for file in files {
            let file = file.expect("an entry").path();
            // Shown if the input panics.
            println!("{}", file.display());
            run(&fs::read(file).expect("a file"));
        }
    }
}

macro_rules! replay {
    ($($target:ident),*) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), crate::$target::run);
        }
    )*};
}

replay!(
    authorization,
    config,
    grpc,
    http,
    paths,
    query,
    redaction,
    report
);
