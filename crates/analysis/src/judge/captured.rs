//! The rules for what is found in captures, as data.
//!
//! They weigh findings, not measurements, so the function beside them is where captures become rows (`wirewitness-store`, `ingest`).
//! They stand with all others so that the handbook and the name of a judge have them.

use super::rule::Rule;

/// Every rule of this floor: a block page goes first, then the surest.
pub(super) const RULES: [&Rule; 5] = [&BLOCKPAGE, &INJECTION, &DROP, &THROTTLE, &UNDECIDED];

/// A page with a known mark.
pub const BLOCKPAGE: Rule = Rule {
    id: "capture.blockpage",
    version: 1,
    says: "A connection of a capture brought a known block page.",
    stands_on: "A page that came unencrypted and bears the mark of a fingerprint, unless that is vague or a known false positive.",
    cannot_tell: &["who put the page there: something on the path, or whom a resolver named"],
    false_positives: &["a page that quotes a block page, or holds its mark otherwise"],
};

/// Packets that neither end sent.
pub const INJECTION: Rule = Rule {
    id: "capture.injection",
    version: 1,
    says: "Packets came into a connection of a capture that neither end sent.",
    stands_on: "Forged packets that are graded `injected` or `likely` (docs/captures.md). Confidence is high where they are `injected` and the connection did not end well, or they answer a DNS question; else medium. The mechanism is named by what was injected and the layer of what was asked for; where no word fits, none is named.",
    cannot_tell: &[
        "whether the connection went on in spite of it, and whether it was because of the name in it",
    ],
    false_positives: &[
        "a firewall, load balancer or security program of one of the ends, which answers in the end's name",
    ],
};

/// Silence, with a control in the capture.
pub const DROP: Rule = Rule {
    id: "capture.drop",
    version: 1,
    says: "What asked for one name had no answer, and what asked the same server for another had.",
    stands_on: "Silence that is graded `dropped`: requests that were repeated in vain, and as a control another name of the same client, server and port that was answered not long before or after.",
    cannot_tell: &["a drop on the path from a far end that does not answer this name"],
    false_positives: &[
        "a server that serves many names of which one is out of order, or is limited for this client",
    ],
};

/// Slower than a control in the capture.
pub const THROTTLE: Rule = Rule {
    id: "capture.throttle",
    version: 1,
    says: "Transfers of one name were slower than those of others in the same capture.",
    stands_on: "A throttle of the kind `differs_from_control`, with medium or high confidence. A limit without a control is none: it may be the line's own.",
    cannot_tell: &["a limit on the path from one that the far end sets"],
    false_positives: &["a server that sends some of its pages or files at a pace of its own"],
};

/// Anything less.
pub const UNDECIDED: Rule = Rule {
    id: "capture.undecided",
    version: 1,
    says: "A connection of a capture did not end well, or something was found in it that is not enough.",
    stands_on: "Findings to which no other rule of captures applies: endings, forged packets graded `undecided`, silence without a control, limits without one, pages that are only like block pages.",
    cannot_tell: &["interference from what ends and lines do by themselves"],
    false_positives: &[],
};
