//! All routes with their parameters and columns: what handlers read, and what the description is made of.

use super::asked::Kind::{Count, Country, Day, Flag, Id, Network, Text, Word};
use super::asked::{Parameter, Strange};
use super::rows::{Column, FORMATS, Holds};

/// One route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) what: What,
    pub(crate) is_post: bool,
    /// As axum and OpenAPI write it.
    pub(crate) path: &'static str,
    pub(crate) says: &'static str,
    pub(crate) parameters: &'static [&'static [Parameter]],
    pub(crate) strange: Strange,
    pub(crate) gives: Gives,
}

/// Which handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Aggregation,
    OoniMeasurements,
    RawMeasurement,
    MeasurementMeta,
    Overview,
    Events,
    Event,
    Targets,
    Networks,
    Countries,
    Counts,
    Measurements,
    Measurement,
    Coverage,
    Rules,
    Sql,
    Feed,
    Submit,
    Description,
    Ready,
}

/// What comes back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gives {
    /// A table, in any of the formats.
    Table(&'static [Column]),
    /// A JSON object with these keys.
    Object(&'static [&'static str]),
    /// An Atom feed.
    Atom,
    /// What the question in SQL asks for.
    Answer,
}

const fn column(name: &'static str, kind: Holds, says: &'static str) -> Column {
    Column { name, kind, says }
}

const FILTER: &[Parameter] = &[
    Parameter::list("probe_cc", Country, "Countries of vantages, ISO 3166-1."),
    Parameter::list("probe_asn", Network, "Networks of vantages."),
    Parameter::list("domain", Text(2_000), "Host names of targets."),
    Parameter::new("input", Text(2_000), "A target, as written in the record."),
    Parameter::list("test_name", Text(2_000), "Experiments."),
    Parameter::list("category_code", Text(2_000), "Categories of the Citizen Lab's lists."),
    Parameter::new("since", Day, "The first day, UTC."),
    Parameter::new("until", Day, "The first day that is not wanted any more, UTC."),
];
const OWN_FILTER: &[Parameter] = &[
    Parameter::list(
        "status",
        Word(&["ok", "down", "blocked", "insufficient"]),
        "Statuses of verdicts.",
    ),
    Parameter::list("mechanism", Text(2_000), "Mechanisms (docs/rules.md)."),
    Parameter::list(
        "origin",
        Text(2_000),
        "Whose data; all that was measured if not said, without captures.",
    ),
];
const TABLE: &[Parameter] = &[
    Parameter::new("format", Word(&FORMATS), "How it is written: json if not said."),
    Parameter::new("limit", Count(1, 10_000, 1_000), "Rows at once."),
    Parameter::new(
        "cursor",
        Text(200),
        "Where the next rows are, as `next` or the header x-next-cursor had it.",
    ),
];
const FORMAT: &[Parameter] =
    &[Parameter::new("format", Word(&FORMATS), "How it is written: json if not said.")];
const LIST: &[Parameter] = &[
    Parameter::new("format", Word(&FORMATS), "How it is written: json if not said."),
    Parameter::new("limit", Count(1, 1_000, 100), "Rows at once."),
    Parameter::new(
        "cursor",
        Text(200),
        "Where the next rows are, as `next` or the header x-next-cursor had it.",
    ),
];
pub(crate) const OONI_NAMES: [&str; 8] = [
    "blocking_type",
    "category_code",
    "domain",
    "input",
    "measurement_start_day",
    "probe_asn",
    "probe_cc",
    "test_name",
];
const AGGREGATION: &[Parameter] = &[
    Parameter::new("axis_x", Word(&OONI_NAMES), "The first axis."),
    Parameter::new("axis_y", Word(&OONI_NAMES), "The second axis."),
    Parameter::new(
        "time_grain",
        Word(&["hour", "day", "week", "month", "year", "auto"]),
        "Width of measurement_start_day. auto is day; hour is refused: days are the finest that is counted.",
    ),
    Parameter::new("format", Word(&["JSON", "CSV", "json", "csv"]), "JSON if not said."),
    Parameter::new("download", Flag, "Whether a browser is to save it."),
];
const OONI_LIST: &[Parameter] = &[
    Parameter::new(
        "confirmed",
        Flag,
        "Only those with the mark of a known block page, or without.",
    ),
    Parameter::new("anomaly", Flag, "Only those judged blocked, or only others."),
    Parameter::new("failure", Flag, "Only those that tell nothing, or only others."),
    Parameter::new(
        "order_by",
        Word(&["measurement_start_time", "test_start_time"]),
        "The newest are first.",
    ),
    Parameter::new("order", Word(&["desc", "DESC"]), "The newest are first."),
    Parameter::new(
        "limit",
        Count(1, 1_000_000, 100),
        "Rows at once; at most 1000 come, and metadata.next_url goes on.",
    ),
    Parameter::new(
        "offset",
        Count(0, 1_000_000, 0),
        "Rows left out; offset and limit are 1000 at most together, beyond it follow next_url.",
    ),
    Parameter::new("cursor", Text(200), "Where metadata.next_url goes on."),
];
const UID: &[Parameter] =
    &[Parameter::new("measurement_uid", Text(200), "As the list of measurements has it.")];
const EVENT_FILTER: &[Parameter] = &[
    Parameter::new("country", Country, "Country."),
    Parameter::new("network", Network, "A network in which it was seen."),
    Parameter::new("name", Text(2_000), "A target, or its host name."),
    Parameter::new("category", Text(20), "A category of the Citizen Lab's lists."),
    Parameter::new("kind", Word(&["block", "shutdown"]), "What it is."),
    Parameter::new(
        "certainty",
        Word(&["stated", "unconfirmed", "standing"]),
        "How certain it is (docs/events.md).",
    ),
];
const EVENT_TIME: &[Parameter] = &[
    Parameter::new("is_over", Flag, "Only those that have ended, or only those that last."),
    Parameter::new("since", Day, "The first day that they last to."),
    Parameter::new("until", Day, "The day after the last one that they began on."),
];
const FEED: &[Parameter] = &[Parameter::new(
    "only",
    Word(&["begun", "ended"]),
    "Only blocks, or only their ends; both if not said.",
)];
const EVENT_ID: &[Parameter] = &[Parameter::in_path("id", Text(200), "Name of the event.")];
const AXES: &[Parameter] =
    &[Parameter::list("axes", Word(&super::own::AXES), "Along what is counted, at most four.")];
const PLACE: &[Parameter] = &[
    Parameter::in_path("country", Country, "Country of the vantage."),
    Parameter::in_path("day", Day, "Day of the measurement, UTC."),
    Parameter::in_path("id", Id, "Name of the measurement."),
];

pub(crate) const COUNTS: [Column; 9] = [
    column("ok", Holds::Int, "Verdicts: could be used."),
    column("down", Holds::Int, "Verdicts: down by itself."),
    column("blocked", Holds::Int, "Verdicts: blocked."),
    column("insufficient", Holds::Int, "Verdicts: not enough to tell."),
    column("blocked_low", Holds::Int, "Of the blocked ones, with low confidence."),
    column("blocked_medium", Holds::Int, "The same, medium."),
    column("blocked_high", Holds::Int, "The same, high."),
    column("vantages", Holds::Int, "About how many vantages measured."),
    column("blocked_vantages", Holds::Int, "About how many saw it blocked."),
];

/// Columns in front of [`COUNTS`].
macro_rules! counted {
    ($($column:expr),*) => {{
        const ALL: &[Column] = {
            const OWN: &[Column] = &[$($column),*];
            const WIDTH: usize = OWN.len() + COUNTS.len();
            #[allow(clippy::indexing_slicing, reason = "made when the program is built")]
            const BOTH: [Column; WIDTH] = {
                let mut both = [COUNTS[0]; WIDTH];
                let mut at = 0;
                while at < WIDTH {
                    both[at] = if at < OWN.len() { OWN[at] } else { COUNTS[at - OWN.len()] };
                    at += 1;
                }
                both
            };
            &BOTH
        };
        ALL
    }};
}

pub(crate) const EVENT: &[Column] = &[
    column("event_id", Holds::Text, "Name of the event."),
    column("revision", Holds::Int, "Which statement of it this is."),
    column("kind", Holds::Text, "`block` or `shutdown`."),
    column("certainty", Holds::Text, "`stated`, `unconfirmed` or `standing`."),
    column("confidence", Holds::Text, "`low`, `medium`, `high`."),
    column("country", Holds::Text, "ISO 3166-1."),
    column("country_wide", Holds::Flag, "Seen in at least four fifths of the networks measured."),
    column("started_at", Holds::Text, "First measurement that belongs to it, UTC."),
    column("seen_at", Holds::Text, "When the evidence was enough."),
    column("ended_at", Holds::Text, "First measurement after its end; null while it lasts."),
    column("targets", Holds::Texts, "Targets; none for a shutdown."),
    column("networks", Holds::Ints, "Networks in which it was seen."),
    column("networks_against", Holds::Ints, "Networks in which the same could be used."),
    column("mechanisms", Holds::Texts, "Mechanisms, the most frequent first."),
    column("units_blocked", Holds::Int, "Vantage-hours that say blocked."),
    column("units_ok", Holds::Int, "Vantage-hours that say it could be used."),
    column("units_down", Holds::Int, "Vantage-hours that say down by itself."),
    column("vantages", Holds::Int, "Independent vantages that saw it."),
    column("holds", Holds::Flag, "Whether the statement still stands."),
];

pub(crate) const MEASUREMENT: &[Column] = &[
    column("measurement_id", Holds::Text, "Its name."),
    column("measured_at", Holds::Text, "When it began, UTC."),
    column("country", Holds::Text, "ISO 3166-1; with the day, where it is kept."),
    column("day", Holds::Text, "Its day."),
    column("origin", Holds::Text, "Whose data."),
    column("test_name", Holds::Text, "Experiment."),
    column("target", Holds::Text, "What was measured."),
    column("domain", Holds::Text, "Its host name."),
    column("probe_asn", Holds::Int, "Network of the vantage."),
    column("resolver_asn", Holds::Int, "Network of its resolver."),
    column("status", Holds::Text, "`ok`, `down`, `blocked`, `insufficient`."),
    column("mechanism", Holds::Text, "What was done."),
    column("locus", Holds::Text, "Who did it, as far as known."),
    column("confidence", Holds::Text, "`low`, `medium`, `high`."),
    column("rule", Holds::Text, "The rule that says so."),
    column("rule_version", Holds::Int, "Its version."),
    column("cannot_tell", Holds::Texts, "What it cannot tell apart."),
];

pub(crate) const RULE: &[Column] = &[
    column("rule", Holds::Text, "Its id."),
    column("version", Holds::Int, "Its version."),
    column("says", Holds::Text, "What it says."),
    column("stands_on", Holds::Text, "The observations it stands on."),
    column("cannot_tell", Holds::Texts, "What it cannot tell apart."),
    column("false_positives", Holds::Texts, "Where it is known to be wrong."),
];

const fn asked(
    what: What,
    path: &'static str,
    says: &'static str,
    with: (&'static [&'static [Parameter]], Gives),
) -> Route {
    let (parameters, gives) = with;
    Route { what, is_post: false, path, says, parameters, strange: Strange::Refused, gives }
}

const fn table(
    what: What,
    path: &'static str,
    says: &'static str,
    with: (&'static [&'static [Parameter]], &'static [Column]),
) -> Route {
    asked(what, path, says, (with.0, Gives::Table(with.1)))
}

const fn object(
    what: What,
    path: &'static str,
    says: &'static str,
    with: (&'static [&'static [Parameter]], &'static [&'static str]),
) -> Route {
    asked(what, path, says, (with.0, Gives::Object(with.1)))
}

const fn ooni(route: Route) -> Route {
    Route { strange: Strange::Ignored, ..route }
}

/// All of them.
pub(crate) const ROUTES: &[Route] = &[
    ooni(object(
        What::Aggregation,
        "/api/v1/aggregation",
        "Counts along axes, as OONI's API of this name answers. anomaly_count is our `blocked` without the mark of a known block page, confirmed_count with it, failure_count `insufficient`, ok_count `ok` and `down`: OONI has no word for the last.",
        (&[FILTER, AGGREGATION], &["v", "dimension_count", "result", "db_stats"]),
    )),
    ooni(object(
        What::OoniMeasurements,
        "/api/v1/measurements",
        "A list of measurements, as OONI's API of this name answers.",
        (&[FILTER, OONI_LIST], &["metadata", "results"]),
    )),
    ooni(object(
        What::RawMeasurement,
        "/api/v1/raw_measurement",
        "The record as it is kept: OONI's format, bodies replaced by length, hash and marks (docs/condensed.md).",
        (&[UID], &[]),
    )),
    ooni(object(
        What::MeasurementMeta,
        "/api/v1/measurement_meta",
        "What OONI's API of this name tells of a measurement.",
        (
            &[UID],
            &[
                "measurement_uid",
                "input",
                "anomaly",
                "confirmed",
                "failure",
                "probe_cc",
                "test_name",
            ],
        ),
    )),
    object(
        What::Overview,
        "/api/v1/ww/overview",
        "What the archive holds.",
        (&[], &["commit", "counts", "events", "days", "origins", "is_made_up"]),
    ),
    table(
        What::Events,
        "/api/v1/ww/events",
        "Events: statements about blocks and shutdowns that hold, the newest change first.",
        (&[EVENT_FILTER, EVENT_TIME, TABLE], EVENT),
    ),
    table(
        What::Event,
        "/api/v1/ww/event/{id}",
        "All that was ever stated of an event, the newest statement first.",
        (&[EVENT_ID, FORMAT], EVENT),
    ),
    table(
        What::Targets,
        "/api/v1/ww/targets",
        "Names with their counts, those blocked most often first.",
        (
            &[FILTER, OWN_FILTER, TABLE],
            counted!(column("name", Holds::Text, "Host name, or the target where it has none.")),
        ),
    ),
    table(
        What::Networks,
        "/api/v1/ww/networks",
        "Networks with their counts, the most measured first.",
        (
            &[FILTER, OWN_FILTER, TABLE],
            counted!(
                column("country", Holds::Text, "ISO 3166-1."),
                column("probe_asn", Holds::Int, "Its number; 0 where not known."),
                column("network_name", Holds::Text, "Its name.")
            ),
        ),
    ),
    table(
        What::Countries,
        "/api/v1/ww/countries",
        "Countries with their counts.",
        (&[FILTER, OWN_FILTER, TABLE], counted!(column("country", Holds::Text, "ISO 3166-1."))),
    ),
    table(
        What::Counts,
        "/api/v1/ww/counts",
        "Verdicts counted along axes. Axes that are not asked for are null.",
        (
            &[AXES, FILTER, OWN_FILTER, TABLE],
            counted!(
                column("axis_1", Holds::Text, "Where on the first axis."),
                column("axis_2", Holds::Text, "On the second."),
                column("axis_3", Holds::Text, "On the third."),
                column("axis_4", Holds::Text, "On the fourth.")
            ),
        ),
    ),
    table(
        What::Measurements,
        "/api/v1/ww/measurements",
        "Verdicts of single measurements, the newest first.",
        (&[FILTER, OWN_FILTER, LIST], MEASUREMENT),
    ),
    object(
        What::Measurement,
        "/api/v1/ww/measurement/{country}/{day}/{id}",
        "All that the archive has of one measurement: verdict with evidence, every step, the condensed record.",
        (&[PLACE], &["verdict", "steps", "document"]),
    ),
    object(
        What::Coverage,
        "/api/v1/ww/coverage",
        "What was read, days with their counts, and gaps.",
        (&[], &["commit", "formats", "judged_with", "days", "gaps"]),
    ),
    table(What::Rules, "/api/v1/ww/rules", "The rules of the judge.", (&[TABLE], RULE)),
    Route {
        what: What::Sql,
        is_post: true,
        path: "/api/v1/ww/sql",
        says: "Asks the archive in SQL (docs/query.md). It only reads. With the admin token only.",
        parameters: &[FORMAT],
        strange: Strange::Refused,
        gives: Gives::Answer,
    },
    Route {
        what: What::Feed,
        is_post: false,
        path: "/feeds/events.atom",
        says: "Events as an Atom feed (RFC 4287): what began and what ended.",
        parameters: &[EVENT_FILTER, FEED],
        strange: Strange::Refused,
        gives: Gives::Atom,
    },
    Route {
        what: What::Submit,
        is_post: true,
        path: "/api/v1/submit",
        says: "Measurements in OONI's format, one or one a line, plain, gzip or zstd (docs/api.md). Off unless the operator says otherwise.",
        parameters: &[],
        strange: Strange::Refused,
        gives: Gives::Object(&["accepted", "quarantined", "refused", "problems"]),
    },
    object(
        What::Description,
        "/api/openapi.json",
        "This description.",
        (&[], &["openapi", "paths"]),
    ),
    object(
        What::Ready,
        "/ready",
        "Whether questions can be answered.",
        (&[], &["ready", "commit"]),
    ),
];
