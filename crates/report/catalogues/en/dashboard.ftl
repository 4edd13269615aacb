# What the dashboard says. Names of messages begin with `dash-`; docs/howto/translate.md says how to translate them.

# Frame
dash-name = Wirewitness
dash-skip = To the content
dash-nav = Pages
dash-languages = Languages
dash-find = Name, network or country
dash-find-do = Find
dash-nav-overview = Overview
dash-nav-events = Events
dash-nav-measurements = Measurements
dash-nav-compare = Compare
dash-nav-lists = Lists
dash-nav-captures = Captures
dash-nav-devices = Devices
dash-nav-search = Search
dash-nav-status = State of the data
dash-nav-method = Method
dash-made-up = These measurements are made up, to show the program: no such country, network or block is meant.
dash-commit = Archive as of commit { $commit }.
dash-latest = Last measurement: { $time }.
dash-left-out = Older days are left out here because there are too many counts to hold: { $days } days with { $verdicts } verdicts. The archive has them.
dash-footer = This site sets no cookies and loads nothing from elsewhere. It says what was measured; who ordered a block cannot be measured.

# Where there is no page
dash-no-page = No such page
dash-not-found = The archive has nothing under this address.
dash-wrong = This cannot be understood: { $what }.
dash-too-slow = The archive took too long to answer. Ask for fewer days, or for one country.
dash-failed = The archive could not answer.
dash-no-table = This page has no such table.

# Filters
dash-since = From day
dash-until = To day
dash-test = Test
dash-all = All
dash-show = Show
dash-country-two = Country (two letters)
dash-network-number = Network (AS number)
dash-country-or-network = Country or network

# What is counted
dash-state = State
dash-status = Status
dash-state-blocked = blocked
dash-state-partly = partly blocked
dash-state-down = down by itself
dash-state-ok = could be used
dash-state-insufficient = not enough to tell
dash-legend = What the marks mean
dash-vantages = Vantages
dash-vantages-about =
    { $count ->
        [one] about { $count } vantage
       *[other] about { $count } vantages
    }
dash-vantages-many = { $count } or more vantages
dash-confidence = Confidence
dash-confidence-is = confidence: { $confidence }
dash-blocked-of = { $blocked } of { $all } measurements blocked
dash-besides-insufficient = { $count } more do not tell
dash-at-most = at most { $count }
dash-from-day = From day
dash-strip = { $what }: blocked in { $blocked } of { $all } spans of time
dash-numbers = Numbers
dash-the-same-as = The same as
dash-more-rows =
    { $count ->
        [one] { $count } more is not shown.
       *[other] { $count } more are not shown.
    }
dash-nothing = There is nothing here.
dash-none = none

# Names of things
dash-country = Country
dash-country-code = Country { $code }
dash-countries = Countries
dash-network = Network
dash-networks = Networks
dash-network-unknown = network not known
dash-name-of = Name
dash-names = Names
dash-target = Target
dash-targets = Targets
dash-mechanism = How
dash-event = Event
dash-kind = Kind
dash-measurement = Measurement
dash-resolver = Resolver's network
dash-origin = Whose data
dash-origin-ooni = OONI
dash-origin-wirewitness = Wirewitness
dash-origin-capture = a capture
dash-origin-population = made up
dash-locus = Who did it, as far as known
dash-locus-resolver = the resolver
dash-locus-path = something on the path
dash-locus-endpoint = the far end
dash-locus-vantage = the vantage itself
dash-locus-unknown = not known

# Overview
dash-overview-title = What is blocked, where and how
dash-holds = { $count } verdicts from { $first } to { $last }. Countries: { $countries }.
dash-lately = What changed lately
dash-all-events = All events
dash-where = Where
dash-map = Map of the world: countries by state. The table below has the same numbers.
dash-names-blocked = Names, those blocked most often first
dash-nothing-blocked = Nothing is blocked in what was measured.
dash-when = Over time
dash-verdicts-over-time = Verdicts over time
dash-how = How it is done
dash-no-mechanism = nothing named
dash-its-measurements = Measurements
dash-its-events = All its events
dash-compare-it = Compare with another
dash-by-network = Each network over time
dash-by-network-time = State by network and time

# Events
dash-no-events = No event is stated.
dash-events-lead = An event groups what was blocked, or unblocked, at one time. Later data can replace a statement; what was said before is kept.
dash-event-block = Blocked
dash-event-block-over = Was blocked, can be used again
dash-event-shutdown = Shutdown
dash-event-shutdown-over = Shutdown, over
dash-and-others =
    { $count ->
        [one] and { $count } other
       *[other] and { $count } others
    }
dash-in-networks =
    { $count ->
        [one] in { $count } network
       *[other] in { $count } networks
    }
dash-from-to = { $from } to { $to }
dash-since-when = since { $from }
dash-kind-block = block
dash-kind-shutdown = shutdown
dash-over = Over
dash-over-no = lasts
dash-over-yes = has ended
dash-certainty = How certain
dash-certainty-stated = stated
dash-certainty-unconfirmed = not confirmed
dash-certainty-standing = standing
dash-certainty-stated-says = The change itself was seen, by enough vantages.
dash-certainty-unconfirmed-says = Too few vantages saw it: not confirmed.
dash-certainty-standing-says = Blocked from the first measurement to the last: when it began is not known.
dash-began = Began
dash-ended = Ended
dash-lasts = lasts
dash-stated-at = Stated
dash-between = between { $after } and { $at }
dash-evidence = Evidence
dash-units = { $blocked } units blocked, { $ok } could be used, { $down } down (one vantage in one hour is one unit)
dash-country-wide = Seen in at least four fifths of the networks that were measured.
dash-seen-in = Networks in which it was seen
dash-not-seen-in = Networks in which the same could be used
dash-statements = What was said of it
dash-statements-lead = Each revision stays, also where later data replaced it.
dash-revision = Revision
dash-holds-still = Holds
dash-yes = yes
dash-replaced = replaced by a later one
dash-withdrawn = taken back
dash-no-longer-held = Later data took this back or replaced it.

# A measurement
dash-measured-at = Measured
dash-measurement-of = Measurement of { $name }
dash-older = Older ones
dash-one-vantage = one vantage
dash-one-measurement = One measurement is one look from one place. What is blocked in a network is said by many: see the page of the name.
dash-rule = Rule
dash-fingerprint = Fingerprint
dash-source = Read from
dash-cannot-tell = What this cannot tell apart
dash-cannot-tell-none = Nothing is known that it confuses.
dash-steps = Step by step, against the control
dash-steps-lead = On one side what the vantage saw; on the other the same step from where the block is not.
dash-no-steps = The archive has no steps of it.
dash-vantage-side = Vantage
dash-control-side = Control
dash-no-control = The control has no such step.
dash-failed-step = failed:
dash-done-step = done:
dash-address = Address
dash-answers = Answers
dash-http-status = HTTP status
dash-title = Title
dash-length = Length, bytes
dash-server = Server
dash-after-ms = after { $ms } ms
dash-step = Step
dash-side = Side
dash-layer = Layer
dash-layer-dns = Name looked up (DNS)
dash-layer-tcp = Connection (TCP)
dash-layer-tls = Encryption agreed on (TLS)
dash-layer-quic = Connection (QUIC)
dash-layer-http = Page asked for (HTTP)
dash-layer-app = Application
dash-outcome = Outcome
dash-failure = Failure
dash-time-ms = Time, ms
dash-raw = Raw data
dash-document = The record as it is kept
dash-no-document = No record is kept: it came as a verdict, or from a capture.
dash-download = Download the record (JSON)

# Captures and devices
dash-captures-lead = What was done to connections in captures of servers. Only findings are kept, so no rates can be made of them; clients are cut to their network.
dash-no-captures = The archive has no captures.
dash-found = What was found
dash-devices-lead = What forged pages and answers in the archive allow to be said of the devices that sent them, network by network.
dash-devices-limits = Pages and answers alone never name a device: at most they are consistent with one. Lawful interception systems cannot be detected from outside.
dash-no-devices = Nothing in the archive says anything of a device.
dash-candidates = Consistent with
dash-what-may-be-said = What may be said

# Compare
dash-compare-lead = Two networks or countries side by side; or the same one twice, with other days.
dash-compare-do = Compare
dash-compare-counts = Of the names measured on both sides: { $both } blocked on both, { $a } only on the first, { $b } only on the second.
dash-side-a = First side
dash-side-b = Second side
dash-blocked-a = First: blocked
dash-blocked-b = Second: blocked
dash-all-a = First: all
dash-all-b = Second: all
dash-differences = Names whose state differs
dash-no-differences = No name has another state on the other side.

# Search and lists
dash-search-lead = Part of a host name, a network's number or name, or the two letters of a country.
dash-nothing-found = Nothing was found. What was never measured is not here.
dash-more-hits = There is more: write more of it.
dash-lists-lead = Which names of a list are blocked, and where.
dash-list-label = Names or addresses of pages, one a line
dash-list-kept-nowhere = The list is used for this answer only and kept nowhere. At most 5,000 lines.
dash-list-do = Look them up
dash-list-result = Names of the list
dash-list-unknown =
    { $count ->
        [one] { $count } name of the list was never measured.
       *[other] { $count } names of the list were never measured.
    }
dash-blocked-in = Blocked in
dash-categories = Categories
dash-category = Category

# State of the data
dash-status-lead = What the archive stands on: the files that were read, what they were judged with, and days without any measurement.
dash-gaps = Days without measurements
dash-no-gaps = There is no such day between the first and the last.
dash-first-day = First day
dash-last-day = Last day
dash-days = Days
dash-formats = Files by format
dash-format = Format
dash-files = Files
dash-file = File
dash-bytes = Bytes
dash-records = Records
dash-refused = Refused
dash-sha256 = SHA-256
dash-versions = Versions that judged
dash-judged-with = Judged with
dash-sources = Files that were read
dash-uncounted = { $count } verdicts are not counted here because there are too many networks.

# Method
dash-method-lead = How a verdict comes about. The rules below are those of the program that judged, with their versions.
dash-method-states = A place in a table is called blocked where at least half of the measurements that tell anything say so, partly blocked from one twentieth on, down where at least half say that the target failed by itself. Where nothing tells anything it is hatched: that is not the same as usable.
dash-method-vantages = Vantages are counted by a sketch of 64 bits: right to about a tenth, up to 40. Events count them exactly.
dash-method-confidence = Confidence is a grade of the evidence, not a probability: high where two independent lines agree or there is a proof. The highest among the blocked measurements is shown.
dash-limits = What cannot be said
dash-limit-interception = Whether anybody listens: interception leaves no trace that can be measured from outside.
dash-limit-where = Where exactly a device stands, unless that was measured.
dash-limit-who = Who ordered a block, and why.
dash-limit-vantage = What people see who were not among the vantages.
dash-mechanisms = Words for how it is done
dash-in-words = In words
dash-says = What it says
dash-rules = Rules
dash-rules-lead = In English, as the program has them.
dash-stands-on = Stands on
dash-false-positives = Known false positives

# Mechanisms: a dot or underscore of the word is a hyphen here
dash-mechanism-dns-injection-blockpage = name answered with a block page's address
dash-mechanism-dns-injection-bogon = name answered with an address that cannot exist
dash-mechanism-dns-injection-other = name answered falsely
dash-mechanism-dns-nxdomain = told that the name does not exist
dash-mechanism-dns-refused = the resolver refuses the name
dash-mechanism-dns-timeout = no answer to the name
dash-mechanism-tcp-reset = connection reset
dash-mechanism-tcp-timeout = connection without answer
dash-mechanism-tcp-refused = connection refused
dash-mechanism-tls-reset-sni = reset because of the name in TLS
dash-mechanism-tls-reset-other = reset while TLS was agreed on
dash-mechanism-tls-timeout = TLS without answer
dash-mechanism-tls-close = closed while TLS was agreed on
dash-mechanism-tls-mitm-self-signed = false certificate (self-signed)
dash-mechanism-tls-throttle-sni = slowed down because of the name in TLS
dash-mechanism-http-blockpage = a block page
dash-mechanism-http-redirect = sent to another page
dash-mechanism-http-timeout = page without answer
dash-mechanism-http-reset-host = reset because of the host in HTTP
dash-mechanism-quic-timeout-sni = QUIC dropped because of the name
dash-mechanism-ip-unreachable = address not reachable
dash-mechanism-app-blocked = the application cannot connect
dash-mechanism-tunnel-blocked = the tunnel cannot connect
dash-mechanism-shutdown = no connection at all
dash-mechanism-server-down = the target is down

# Between parts of a sentence, and between names.
dash-and = { "; " }
dash-comma = { ", " }
