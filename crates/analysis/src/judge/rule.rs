//! What a rule is, and how it writes a verdict.
//!
//! A rule is data (what it says, on what, what it cannot tell apart) beside a function. The data becomes
//! `docs/rules.md`, so the text that people read and the text that a verdict carries are one.

use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, RuleId, Status, Verdict};

/// One rule, as documented. Ids are a public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Dotted name: test, layer, what.
    pub id: &'static str,
    /// Grows when what the rule says of some measurement can change.
    pub version: u16,
    /// What it says, in one sentence.
    pub says: &'static str,
    /// The observations it stands on.
    pub stands_on: &'static str,
    /// What it cannot tell apart from what it says. Every verdict of the rule carries these.
    pub cannot_tell: &'static [&'static str],
    /// Situations in which it is known to be wrong.
    pub false_positives: &'static [&'static str],
}

impl Rule {
    /// Begins a verdict of this rule.
    pub fn verdict(&self, status: Status, confidence: Confidence) -> Draft {
        Draft(Verdict {
            status,
            mechanism: None,
            also: Vec::new(),
            locus: None,
            rule: RuleId { id: self.id, version: self.version },
            confidence,
            fingerprint: None,
            evidence: Vec::new(),
            cannot_tell: self.cannot_tell.iter().map(|&text| text.to_owned()).collect(),
        })
    }
}

/// A verdict being written.
#[derive(Debug)]
pub struct Draft(Verdict);

impl Draft {
    /// What was done, and who did it.
    #[must_use]
    pub fn by(mut self, mechanism: Mechanism, locus: Locus) -> Self {
        self.0.mechanism = Some(mechanism);
        self.0.locus = Some(locus);
        self
    }

    /// Who did it, where no mechanism is named, since nothing was denied.
    #[must_use]
    pub fn located(mut self, locus: Locus) -> Self {
        self.0.locus = Some(locus);
        self
    }

    /// Another mechanism, behind the first. Said once, and never twice the same.
    #[must_use]
    pub fn also(mut self, mechanism: Mechanism) -> Self {
        if self.0.mechanism != Some(mechanism) && !self.0.also.contains(&mechanism) {
            self.0.also.push(mechanism);
        }
        self
    }

    /// The fingerprint that matched.
    #[must_use]
    pub fn fingerprint(mut self, name: &str) -> Self {
        self.0.fingerprint = Some(name.to_owned());
        self
    }

    /// An observation with nothing to compare it with.
    #[must_use]
    pub fn saw(mut self, at: impl Into<String>, outcome: Outcome, seen: impl Into<String>) -> Self {
        self.0.evidence.push(Evidence {
            at: at.into(),
            outcome,
            seen: seen.into(),
            expected: None,
        });
        self
    }

    /// An observation, and what was expected instead.
    #[must_use]
    pub fn saw_instead(
        mut self,
        at: impl Into<String>,
        outcome: Outcome,
        seen: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        self.0.evidence.push(Evidence {
            at: at.into(),
            outcome,
            seen: seen.into(),
            expected: Some(expected.into()),
        });
        self
    }

    /// Observations collected elsewhere.
    #[must_use]
    pub fn with(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.0.evidence.extend(evidence);
        self
    }

    /// One more thing that this measurement cannot tell apart.
    #[must_use]
    pub fn cannot_tell(mut self, text: impl Into<String>) -> Self {
        self.0.cannot_tell.push(text.into());
        self
    }

    /// The verdict.
    pub fn done(self) -> Verdict {
        self.0
    }
}
