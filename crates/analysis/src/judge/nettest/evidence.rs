//! Evidence in a readable amount.

use std::collections::BTreeMap;

use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::Evidence;

/// The most pieces of evidence that a verdict carries.
const MAX: usize = 12;

/// All of the evidence or, where that is too much to read, the first pieces and a count of the others.
pub(super) fn capped(all: impl IntoIterator<Item = Evidence>) -> Vec<Evidence> {
    let mut all = all.into_iter();
    let mut shown: Vec<Evidence> = all.by_ref().take(MAX).collect();
    let rest: Vec<Evidence> = all.collect();
    if rest.is_empty() {
        return shown;
    }
    let rest: Vec<Evidence> = shown.pop().into_iter().chain(rest).collect();
    shown.extend(counted(&rest));
    shown
}

fn counted(rest: &[Evidence]) -> Option<Evidence> {
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for evidence in rest {
        *counts.entry(evidence.outcome).or_default() += 1;
    }
    let (&outcome, _) = counts.iter().max_by_key(|(_, count)| **count)?;
    let parts: Vec<String> = counts.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect();
    let seen = format!("{} more steps: {}", rest.len(), parts.join(", "));
    Some(Evidence { at: "test_keys".to_owned(), outcome, seen, expected: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(n: usize) -> Vec<Evidence> {
        let outcome =
            |n: usize| if n.is_multiple_of(3) { Outcome::TcpOk } else { Outcome::TcpTimeout };
        let piece = |n: usize| Evidence {
            at: n.to_string(),
            outcome: outcome(n),
            seen: n.to_string(),
            expected: None,
        };
        (0..n).map(piece).collect()
    }

    #[test]
    fn twelve_are_shown_and_the_rest_is_counted() {
        assert_eq!(capped(made(12)), made(12));
        let shown = capped(made(14));
        assert_eq!((shown.len(), &shown[..11]), (12, &made(11)[..]));
        assert_eq!(shown[11].seen, "3 more steps: 1 tcp/ok, 2 tcp/timeout");
    }
}
