//! `wirewitness rules`, and the documents that are generated from it.

use crate::program::{root, run};

#[test]
fn the_documents_are_what_the_code_says() {
    for (arguments, document) in
        [(&["rules"][..], "docs/rules.md"), (&["rules", "--words"][..], "docs/outcomes.md")]
    {
        let outcome = run(arguments);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let on_disk = std::fs::read_to_string(root().join(document)).unwrap();
        assert_eq!(
            outcome.stdout,
            on_disk,
            "{document} is out of date: cargo run -- {} > {document}",
            arguments.join(" ")
        );
    }
}

#[test]
fn one_rule_by_id_with_or_without_version() {
    for id in ["web.tls.reset", "web.tls.reset@2"] {
        let outcome = run(&["rules", id]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(outcome.stdout.starts_with("## web.tls.reset\n"), "{}", outcome.stdout);
        assert!(outcome.stdout.contains("Cannot tell apart"), "{}", outcome.stdout);
    }
    assert_eq!(run(&["rules", "no.such.rule"]).code, 2);
}

#[test]
fn rule_ids_are_unique_and_every_rule_is_documented() {
    let text = run(&["rules"]).stdout;
    let mut ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert!(ids.len() > 60, "{} rules", ids.len());
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert_eq!(text.matches("**Stands on:**").count(), count);
    assert_eq!(text.matches("**Cannot tell apart:**").count(), count);
    assert_eq!(text.matches("**Known false positives:**").count(), count);
}
