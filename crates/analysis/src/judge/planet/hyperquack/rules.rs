//! The rules for hyperquack, in the order in which they are tried.

use crate::judge::rule::Rule;

/// All of them.
pub(in crate::judge::planet) const RULES: [&Rule; 7] =
    [&OK, &CONTROL, &UNSENT, &BLOCKPAGE, &INJECTED, &DENIED, &UNCLEAR];

pub(super) const OK: Rule = Rule {
    id: "hyperquack.ok",
    version: 1,
    says: "A request with the keyword in it went to the server and was answered as any other.",
    stands_on: "A try with the keyword whose answer fits the template.",
    cannot_tell: &[
        "blocking that looks at other protocols, ports or parts of the request than this test sends",
        "what devices on other ways into the country do, or on the ways out of it",
    ],
    false_positives: &[
        "interference that lets some connections through: tries that failed before are not counted",
    ],
};

pub(super) const CONTROL: Rule = Rule {
    id: "hyperquack.control",
    version: 1,
    says: "The server did not answer harmless names as it should either, or was not asked.",
    stands_on: "The controls before and after the tries with the keyword; the scan's own mark that they failed. Where \
                the harmless name failed first and worked later, silence before it is taken for an outage.",
    cannot_tell: &[
        "a server that is down from one that is cut off",
        "a block that outlives its trigger, so that harmless names fail too",
    ],
    false_positives: &[],
};

pub(super) const UNSENT: Rule = Rule {
    id: "hyperquack.unsent",
    version: 1,
    says: "No connection came about whenever the keyword was to be sent, so it never was.",
    stands_on: "Connects that failed at every try with the keyword.",
    cannot_tell: &["a server that is overloaded from a block that outlives its trigger"],
    false_positives: &[],
};

pub(super) const BLOCKPAGE: Rule = Rule {
    id: "hyperquack.blockpage",
    version: 1,
    says: "A block page came back for the keyword, and what the template says for harmless names.",
    stands_on: "Every try with the keyword failed and at least one brought the mark of a block page that confirms; the \
                server answered a harmless name afterwards.",
    cannot_tell: &[
        "a filter of the server's own network (a company, a university, a hosting company) from one of the country",
        "what is shown to people inside: the request came from outside",
    ],
    false_positives: &["a web server of the filter's own maker"],
};

pub(super) const INJECTED: Rule = Rule {
    id: "hyperquack.injected",
    version: 1,
    says: "A page came back from an echo or discard service, which has none, for the keyword and not for harmless names.",
    stands_on: "Every try with the keyword failed, at least two of them, and one brought an HTTP response or HTML that \
                is no known false positive; the server answered a harmless name as it should afterwards. The mechanism \
                follows the status: `http.redirect`, `http.error`, else `http.blockpage`.",
    cannot_tell: &[
        "a filter of the server's own network (a company, a university, a hosting company) from one of the country",
        "what is shown to people inside: the request came from outside",
        "what the page says: no list of marks knows it for sure",
    ],
    false_positives: &["a machine set up to study attackers that answers HTTP on every port"],
};

pub(super) const DENIED: Rule = Rule {
    id: "hyperquack.denied",
    version: 1,
    says: "Connections with the keyword in them were reset, closed or met with silence, and those with harmless names \
           were not.",
    stands_on: "Every try with the keyword that was sent, at least two of them, failed; the server answered a harmless \
                name as the template says afterwards and, in version 2, before. With TLS the name in the ClientHello is \
                all that the path can read of the request, so a reset is `tls.reset.sni`.",
    cannot_tell: &[
        "a filter of the server's own network (a company, a university, a hosting company) from one of the country",
        "for web servers: a server or its load balancer that treats this name differently itself",
        "with TLS: at which message of the connection it failed",
    ],
    false_positives: &[
        "a web server that hosts the name, or guards against it, and closes such connections",
    ],
};

pub(super) const UNCLEAR: Rule = Rule {
    id: "hyperquack.unclear",
    version: 1,
    says: "The answer to the keyword differs from the template in a way that the server itself may be the reason of.",
    stands_on: "Responses without the mark of a block page, known false positives, too few tries, or errors that name \
                nothing.",
    cannot_tell: &[
        "a page that no list knows from a server that serves the name itself, as those of CDNs do",
    ],
    false_positives: &[],
};
