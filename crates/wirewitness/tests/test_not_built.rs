//! The verbs of the full program, in the field program.

use crate::program::run;

#[test]
fn a_verb_of_the_archive_says_how_to_have_it() {
    for verb in
        ["ingest", "query", "export", "events", "archive", "refresh", "cluster", "report", "serve"]
    {
        for arguments in [vec![verb], vec![verb, "--help"], vec![verb, "x", "--json"]] {
            let outcome = run(&arguments);
            assert_eq!(outcome.code, 2, "{arguments:?}");
            assert!(outcome.stderr.contains("this is the field program"), "{}", outcome.stderr);
            assert!(outcome.stderr.contains("--features archive"), "{}", outcome.stderr);
        }
    }
    assert!(!run(&["--help"]).stdout.contains("ingest"));
}
