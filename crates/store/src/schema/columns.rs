//! Every column, with what it says.

use super::{Column, Kind, Table};
use Kind::{Flag, Int, Long, Longs, Real, Text, Texts, Time};

const fn is(name: &'static str, kind: Kind, says: &'static str) -> Column {
    Column { name, kind, says, is_nullable: false }
}

const fn may(name: &'static str, kind: Kind, says: &'static str) -> Column {
    Column { name, kind, says, is_nullable: true }
}

/// All tables, the ledger last.
pub const TABLES: [&Table; 5] = [&MEASUREMENT, &OBSERVATION, &VERDICT, &EVENT, &SOURCE];

const ID: Column = is(
    "measurement_id",
    Text,
    "The first 128 bits of a SHA-256, 32 hexadecimal digits: of the record as it was read, so that the same record twice is kept once. \
     Of captures, of the SHA-256 of the whole capture, unpacked, the number of the first packet that the connection's findings stand on, and \
     protocol, address and port of the server. Of rows that came as verdicts (`ooni-analysis`, `population`), of what they say.",
);
const AT: Column = is("measured_at", Time, "When the measurement began, by the vantage's clock.");
const ORIGIN: Column = is(
    "origin",
    Text,
    "Whose data: `ooni`, `wirewitness`, `hyperquack`, `satellite`, `capture`, `ooni-analysis` (rows of OONI's own analysis), `population` (made up).",
);
const TEST: Column = is("test_name", Text, "Name of the experiment: `web_connectivity`, ..");
const TARGET: Column = is(
    "target",
    Text,
    "What was measured, as written in the record; the test's name where it has no input.",
);
const DOMAIN: Column =
    may("domain", Text, "Host name of the target, lower case. Null where it has none.");
const ASN: Column =
    may("probe_asn", Long, "Number of the vantage's network (AS). Null where not known.");
const RESOLVER: Column = may(
    "resolver_asn",
    Long,
    "Number of the network of the vantage's resolver. Null where not known.",
);
const VANTAGE: Column = is(
    "vantage",
    Long,
    "Who measured, as a number without meaning elsewhere (64 bits, may be negative). Made of OONI's anonymous probe_id where the record has one; \
     else of network, platform, software and resolver, so that several people with the same of all of them count as one.",
);

/// What was measured, one row a record.
pub const MEASUREMENT: Table = Table {
    name: "measurement",
    says: "A measurement as it was read, without the bodies of pages: what all other tables are made of.",
    columns: &[
        ID,
        AT,
        ORIGIN,
        TEST,
        may("test_version", Text, "Its version."),
        TARGET,
        DOMAIN,
        ASN,
        may("network_name", Text, "Name of that network, as the probe had it."),
        RESOLVER,
        VANTAGE,
        may("network_type", Text, "`wifi`, `mobile`, .. as the probe said."),
        may("platform", Text, "`android`, `linux`, .. as the probe said."),
        may("software", Text, "Program and version that measured."),
        may("report_id", Text, "OONI's identifier of the report."),
        may("measurement_uid", Text, "OONI's identifier of the measurement."),
        is(
            "source",
            Text,
            "Name of the file that it was first read from, without folders (table `source`).",
        ),
        is(
            "document",
            Text,
            "The record, condensed: bodies of pages replaced by length, hash, title and known marks (docs/condensed.md). The judge reads this. Empty for scans made from afar, whose verdicts stand on side files too.",
        ),
    ],
    is_partitioned: true,
    sorted_by: &["target", "probe_asn", "measured_at", "measurement_id"],
};

/// What happened, one row a step.
pub const OBSERVATION: Table = Table {
    name: "observation",
    says: "One step of a measurement: a lookup, a connect, a handshake, a round trip; of the vantage or of the control.",
    columns: &[
        ID,
        is("step", Int, "Which step of the measurement, from 0, in the order of the record."),
        AT,
        TEST,
        TARGET,
        DOMAIN,
        ASN,
        is("is_control", Flag, "Whether the control side did it."),
        is("layer", Text, "`dns`, `tcp`, `tls`, `quic`, `http`, `app`."),
        is("outcome", Text, "How it ended, `layer/what` (docs/outcomes.md)."),
        may("failure", Text, "The failure as the record words it. Null on success."),
        may("name", Text, "Name looked up, sent as SNI or asked for as host."),
        may(
            "address",
            Text,
            "Address of the far end; of scans made from afar, of the public server or resolver that was asked. Never one of a client.",
        ),
        may("port", Int, "Its port."),
        may(
            "address_asn",
            Long,
            "Number of its network (AS), as the record or the table of networks has it.",
        ),
        may("engine", Text, "DNS: what asked (`getaddrinfo`, `udp`, `doh`, ..)."),
        may("query_type", Text, "DNS: `A`, `AAAA`, .."),
        may("answers", Texts, "DNS: addresses and names answered, in order."),
        may("rcode", Int, "DNS: response code, where the message was seen."),
        may("tls_version", Text, "TLS: version agreed on."),
        may("certificate", Text, "TLS: SHA-256 of the leaf, hexadecimal."),
        may("url", Text, "HTTP: what was asked for."),
        may("status", Int, "HTTP: status code."),
        may("body_length", Long, "HTTP: length of the body, bytes."),
        may("body_sha256", Text, "HTTP: its SHA-256, hexadecimal."),
        may("title", Text, "HTTP: title of the page."),
        may("server", Text, "HTTP: the `Server` header."),
        may("t_ms", Real, "When the step ended, milliseconds since the measurement began."),
        may("transaction", Long, "Steps with the same number belong together."),
        may("detail", Text, "What no column holds, as JSON: of captures, the finding."),
    ],
    is_partitioned: true,
    sorted_by: &["target", "probe_asn", "measured_at", "measurement_id", "step"],
};

/// What it means, one row a measurement.
pub const VERDICT: Table = Table {
    name: "verdict",
    says: "What the judge says of a measurement: status, mechanism, the rule and what it stands on.",
    columns: &[
        ID,
        AT,
        ORIGIN,
        TEST,
        TARGET,
        DOMAIN,
        ASN,
        RESOLVER,
        VANTAGE,
        is("status", Text, "`ok`, `down`, `blocked`, `insufficient`."),
        may(
            "mechanism",
            Text,
            "What was done, as specifically as the evidence allows (docs/rules.md). Null where nothing is named.",
        ),
        may("also", Texts, "Other mechanisms in the same measurement."),
        may(
            "locus",
            Text,
            "Who did it, as far as known: `resolver`, `path`, `endpoint`, `vantage`, `unknown`. Null where there is no mechanism.",
        ),
        is("confidence", Text, "`low`, `medium`, `high`: grades of evidence, not probabilities."),
        is("rule", Text, "The rule that says so."),
        is("rule_version", Int, "Its version."),
        may("evidence", Text, "What it stands on, as a JSON list."),
        may("fingerprint", Text, "The fingerprint that matched, by name."),
        may("cannot_tell", Texts, "What the measurement cannot tell apart."),
        may(
            "ooni_blocking",
            Text,
            "What OONI's own engine concludes: `dns`, `tcp_ip`, .., `false`; null where it says nothing.",
        ),
        may("ooni_accessible", Flag, "The same: whether the page could be had."),
        is(
            "judged_with",
            Text,
            "What the judge used: versions of its rules, of the fingerprints and of the table of networks, as a hash (table `source` names them).",
        ),
    ],
    is_partitioned: true,
    sorted_by: &["target", "probe_asn", "measured_at", "measurement_id"],
};

/// What was said of blocks and shutdowns.
pub const EVENT: Table = Table {
    name: "event",
    says: "A statement about a block or a shutdown. Later data replace statements; what was said before stays, marked.",
    columns: &[
        is("statement", Text, "Name of the statement: the event's and a revision."),
        is(
            "event_id",
            Text,
            "Name of the event. Stays while later data do not change its first alarm.",
        ),
        is("revision", Int, "Which statement of the event, from 1."),
        is("holds", Flag, "Whether it still stands."),
        may("superseded_by", Text, "Name of the statement that replaced it."),
        is("withdrawn", Flag, "Whether later data took it back and put nothing in its place."),
        is("kind", Text, "`block` or `shutdown`."),
        is(
            "certainty",
            Text,
            "`stated`, `unconfirmed` (too few vantages) or `standing` (blocked from the first measurement to the last).",
        ),
        is("country", Text, "Two letters of ISO 3166-1."),
        is(
            "country_wide",
            Flag,
            "Seen in at least four fifths of the networks measured, three or more.",
        ),
        may("started_after", Time, "Last measurement before it that says otherwise."),
        is("started_at", Time, "First measurement that belongs to it."),
        is("seen_at", Time, "When the evidence was enough to state it."),
        may("ended_after", Time, "Last measurement that belongs to it, where its end was seen."),
        may("ended_at", Time, "First measurement after its end. Null while it lasts."),
        may("end_seen_at", Time, "When the evidence was enough to state the end."),
        is("targets", Texts, "Targets; none for a shutdown."),
        is("networks", Longs, "Networks (AS) in which it was seen."),
        is(
            "networks_against",
            Longs,
            "Networks in which the same targets could be used at that time.",
        ),
        is("mechanisms", Texts, "Mechanisms, the most frequent first."),
        is(
            "units_blocked",
            Long,
            "Units of evidence: what one vantage said in one hour counts once. Blocked.",
        ),
        is("units_ok", Long, "The same: could be used."),
        is("units_down", Long, "The same: the target's own failure."),
        is("vantages", Long, "Independent vantages that saw it."),
        is("confidence", Text, "`low`, `medium`, `high` (docs/events.md)."),
        is(
            "detail",
            Text,
            "The whole event with each cell's part in it, as JSON. Targets are numbers in it, in the order of `targets`.",
        ),
    ],
    is_partitioned: false,
    sorted_by: &["started_at", "statement"],
};

/// What was read, one row a file: the ledger of the archive.
pub const SOURCE: Table = Table {
    name: "source",
    says: "A file that was read to its end.",
    columns: &[
        is("sha256", Text, "SHA-256 of the file as it was read, 64 hexadecimal digits."),
        is("name", Text, "Its name without folders: those may tell who collected it."),
        is("bytes", Long, "Its length as read."),
        is("format", Text, "`ooni`, `hyperquack`, `satellite`, `capture`, .."),
        is("records", Long, "Records in it that were taken, whether they were new or not."),
        is("refused", Long, "Pieces of it that could not be used."),
        is(
            "judged_with",
            Text,
            "What the judge used, as JSON: rules, fingerprints and table of networks with their hashes and dates.",
        ),
        may(
            "capture",
            Text,
            "SHA-256 of the capture, unpacked: the same for one capture packed in several ways. Null where the file holds none, or several.",
        ),
        may(
            "packets",
            Long,
            "Packets of its captures, whatever they carry. Null where it holds none.",
        ),
        may("tcp_connections", Long, "TCP connections in its captures, those that went well too."),
        may("quic_connections", Long, "The same of QUIC."),
        may("dns_questions", Long, "Questions to resolvers in its captures."),
    ],
    is_partitioned: false,
    sorted_by: &["sha256"],
};
