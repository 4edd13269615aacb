//! `wirewitness completions` and `wirewitness man`.

use crate::program::run;

#[test]
fn every_shell_gets_a_script_that_knows_the_verbs() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = run(&["completions", shell]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(
            outcome.stdout.contains("judge") && outcome.stdout.contains("fingerprints"),
            "{shell}"
        );
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn the_manual_is_roff() {
    let outcome = run(&["man"]);
    assert!(outcome.stdout.contains(".TH wirewitness 1"), "{}", outcome.stdout);
    let judge = run(&["man", "judge"]);
    assert!(judge.stdout.contains("\\-\\-fingerprints"), "{}", judge.stdout);
    let unknown = run(&["man", "nonsense"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("hint:"), "{}", unknown.stderr);
}
