//! The rules for satellite, in the order in which they are tried.

use crate::judge::rule::Rule;

/// All of them.
pub(in crate::judge::planet) const RULES: [&Rule; 11] = [
    &REFERENCE,
    &PROVEN,
    &BLOCKPAGE,
    &OK,
    &RESOLVER,
    &BOGON,
    &OWN_ADDRESS,
    &STRANGER,
    &CERTIFICATE,
    &DENIED,
    &UNCLEAR,
];

pub(super) const REFERENCE: Rule = Rule {
    id: "satellite.reference",
    version: 1,
    says: "The answer is that of a control resolver: others are compared with it, and it with nothing.",
    stands_on: "The name of the file, or the scan's list of resolvers.",
    cannot_tell: &["whether the control was told the truth"],
    false_positives: &[],
};

pub(super) const PROVEN: Rule = Rule {
    id: "satellite.proven",
    version: 1,
    says: "The resolver's answer is the site's own, whatever the control was told.",
    stands_on: "A trusted certificate for the name, sent by an address of the answer to the scan's own machine.",
    cannot_tell: &[
        "what is done to connections on their way there: nobody connected from the resolver's network",
    ],
    false_positives: &[
        "a proxy that passes connections on to the site, and reads the names in them",
    ],
};

pub(super) const BLOCKPAGE: Rule = Rule {
    id: "satellite.blockpage",
    version: 1,
    says: "The resolver's answer leads to a block page.",
    stands_on: "The mark of a block page that confirms: on the page that the scan's own machine was served at an address \
                of the answer, or of that address itself. No address is one of the control's.",
    cannot_tell: &[
        "a resolver that lies from a path that answers in its place",
        "a filter that the resolver's owner chose from one that a country orders",
    ],
    false_positives: &["a resolver that sells filtering, used by those who want it"],
};

pub(super) const OK: Rule = Rule {
    id: "satellite.ok",
    version: 1,
    says: "The resolver and a control lead to the same service.",
    stands_on: "An address in common or, by the tags of the addresses, a certificate, a page, a network or its name.",
    cannot_tell: &[
        "what is done to connections on their way there: nobody connected from the resolver's network",
    ],
    false_positives: &["a false answer with an address of the same hoster"],
};

pub(super) const RESOLVER: Rule = Rule {
    id: "satellite.resolver",
    version: 1,
    says: "The resolver does so with every name, or with most, or is not there: it says nothing of this one.",
    stands_on: "A name that always resolves and did not; a port where nobody listens; the resolver's own address as the \
                answer, unless it is counted to be rare; or an error or a private address, where more than half of its \
                answers are so, by the scan's profile of it or counted over at least ten.",
    cannot_tell: &["a block of this name by such a resolver"],
    false_positives: &[],
};

pub(super) const BOGON: Rule = Rule {
    id: "satellite.bogon",
    version: 1,
    says: "The resolver gave an address of a private or reserved range for a public name.",
    stands_on: "Nothing but bogons in the answer, and a control that has another address.",
    cannot_tell: &[
        "a resolver that lies from a path that answers in its place",
        "a filter that the resolver's owner chose from one that a country orders",
    ],
    false_positives: &[
        "names that have private addresses inside the resolver's network on purpose",
    ],
};

pub(super) const OWN_ADDRESS: Rule = Rule {
    id: "satellite.own_address",
    version: 1,
    says: "The resolver gives its own address for this name, and seldom for others.",
    stands_on: "Nothing but the resolver's own address in the answer, which has nothing in common with a control's; and \
                at least ten answers of the resolver counted over the scan, at most half of them so.",
    cannot_tell: &[
        "a filter that the resolver's owner chose from one that a country orders",
        "what is served at that address: the scan has no mark of a block page there",
    ],
    false_positives: &[
        "a name of the resolver's owner, served by the same machine inside and elsewhere outside",
    ],
};

pub(super) const STRANGER: Rule = Rule {
    id: "satellite.stranger",
    version: 1,
    says: "The resolver's answer leads into the network of a company that serves no names but its own.",
    stands_on: "All addresses of the answer are in AS32934 (Facebook), AS13414 (Twitter) or AS19679 (Dropbox), with \
                which injectors are known to answer (Hoang et al., USENIX Security 2021), and have nothing in common \
                with a control's.",
    cannot_tell: &[
        "a resolver that lies from a path that answers in its place: the question crossed the border too",
        "an outdated answer for a name that belongs to that company",
    ],
    false_positives: &["a name of that company whose control answers lead to a cache elsewhere"],
};

pub(super) const CERTIFICATE: Rule = Rule {
    id: "satellite.certificate",
    version: 1,
    says: "The resolver's answer leads to a server that is not the site's.",
    stands_on: "Nothing in common with a control's addresses; at every address of the answer a certificate for other \
                names, sent to the scan's own machine; at one of the control's a trusted one for this name.",
    cannot_tell: &["an outdated or broken answer of the resolver from an intended one"],
    false_positives: &[
        "servers of a CDN that hand out the right certificate only to some of those who ask",
    ],
};

pub(super) const DENIED: Rule = Rule {
    id: "satellite.denied",
    version: 1,
    says: "The resolver denies a name that exists, or leaves questions for it unanswered, and answers others.",
    stands_on: "No such name at every try; or a refusal at every try, from a resolver known to answer at \
                least half of what it is asked (by its profile, or counted over at least ten answers); or silence at two \
                tries or more between two answers for a name that always resolves. A control has an address for the name, \
                and the resolver was alive.",
    cannot_tell: &[
        "a resolver that lies from a path that answers in its place",
        "a filter that the resolver's owner chose from one that a country orders",
        "a resolver that cannot reach the name's own servers from one that will not",
    ],
    false_positives: &["a name that was registered, or expired, between the two lookups"],
};

pub(super) const UNCLEAR: Rule = Rule {
    id: "satellite.unclear",
    version: 1,
    says: "The answer differs from the control's as those of large services do everywhere, or has nothing to be \
           compared with, or the resolver failed.",
    stands_on: "The lookups there are.",
    cannot_tell: &[
        "a false answer from the nearest server of a large service",
        "a lie from a fault of the resolver",
    ],
    false_positives: &[],
};
