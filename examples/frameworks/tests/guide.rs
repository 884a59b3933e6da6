//! The guide shows the lines of the examples, and no others.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

const GUIDE: &str = include_str!("../../../docs/other-frameworks.md");

const EXAMPLES: [(&str, &str); 5] = [
    ("actix-web", include_str!("../src/bin/actix.rs")),
    ("Rocket", include_str!("../src/bin/rocket.rs")),
    ("poem", include_str!("../src/bin/poem.rs")),
    ("warp", include_str!("../src/bin/warp.rs")),
    ("AWS Lambda", include_str!("../src/bin/lambda.rs")),
];

#[test]
fn every_snippet_of_the_guide_is_part_of_its_example() {
    for (framework, example) in EXAMPLES {
        let (_, section) = GUIDE.split_once(&format!("\n# {framework}\n")).unwrap();
        let section = section.split("\n# ").next().unwrap();
        let mut snippets = section.split("```rust,ignore\n").skip(1).peekable();
        assert!(snippets.peek().is_some(), "{framework} has no snippet");
        for snippet in snippets {
            let (snippet, _) = snippet.split_once("```").unwrap();
            assert!(example.contains(snippet), "not in {framework}:\n{snippet}");
        }
    }
}
