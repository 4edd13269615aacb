# What a report (`wirewitness report`) says.

report-title = Report on interference with connections
report-made = { $program }, archive commit { $commit }. The same archive, commit, question and version give this file again, byte for byte.
report-days = { $first } to { $last }
report-unknown = not known
report-made-up = Some of these measurements are made up ({ $count }): they come from a simulation, not from a network. Do not use this report as evidence.

report-question = Question
report-asked = Question
report-asked-nothing = What does the archive say of these measurements?
report-country = Country
report-country-all = all countries in the archive
report-network = Network
report-network-all = all networks in the archive
report-name = Host name
report-name-all = all targets in the archive
report-period = Days asked for
report-from = from { $day }
report-before = before { $day }
report-period-all = all days in the archive

report-summary = Summary
report-none = The archive holds no measurement that answers the question. That says nothing about whether there was interference: where nobody measured, nothing is known.
report-sum-measured =
    { $count ->
        [one] { $count } measurement
       *[other] { $count } measurements
    } of { $targets ->
        [one] { $targets } target
       *[other] { $targets } targets
    }, by { $vantages ->
        [one] { $vantages } vantage
       *[other] { $vantages } vantages
    } in { $networks ->
        [one] { $networks } network
       *[other] { $networks } networks
    }, from { $first } to { $last }.
report-sum-blocked =
    { $count ->
        [one] { $count } measurement
       *[other] { $count } measurements
    } found the target blocked: { $targets ->
        [one] { $targets } target
       *[other] { $targets } targets
    }, in { $networks ->
        [one] { $networks } network
       *[other] { $networks } networks
    }.
report-sum-none-blocked = No measurement found its target blocked.
report-sum-rest = In { $ok } the target could be used, in { $down } it failed by itself.
report-sum-insufficient =
    { $count ->
        [one] { $count } measurement does
       *[other] { $count } measurements do
    } not carry an answer ({ $share }). They are counted neither as blocked nor as usable.
report-sum-mechanism =
    { $count ->
        [one] The most frequent way ({ $count } time):
       *[other] The most frequent way ({ $count } times):
    }
report-sum-events =
    { $count ->
        [one] { $count } statement about a block or a shutdown holds
       *[other] { $count } statements about blocks and shutdowns hold
    } for this question.
report-sum-no-events = No statement about a block or a shutdown holds for this question. Statements are made when `wirewitness events` is run.
report-sum-few = Fewer than three vantages measured. What one or two vantages see may be a fault of their own line.

report-timeline = Over time
report-timeline-says = Measurements by day, by what they came to
report-timeline-weeks = Measurements by periods of { $days } days, by what they came to
report-timeline-gap = A gap means that nobody measured.
report-col-days = Days
report-col-blocked = Blocked
report-col-down = Down
report-col-ok = Usable
report-col-insufficient = Not enough
report-col-vantages = Vantages
report-col-networks = Networks
report-col-targets = Targets
report-col-measurements = Measurements

report-networks = Networks
report-networks-says = Measurements by network. A vantage is one person's line and device, as far as can be told apart. Single verdicts can be wrong: a small share blocked may be error. Events weigh that.
report-col-network = Network
report-col-finding = Finding
report-col-witnesses = Vantages that saw blocking
report-col-confidence = Confidence (low / medium / high)
report-found-blocked = blocked in { $share } of answers
report-found-rarely = blocked in under 1 % of answers
report-found-ok = no blocking seen
report-found-down = failed by itself
report-found-insufficient = not enough to tell
report-counts = { $witnesses } of { $vantages }
report-more =
    { $count ->
        [one] { $count } more is not shown.
       *[other] { $count } more are not shown.
    }

report-targets = Targets
report-targets-says = Measurements by target, those blocked most often first
report-col-target = Target
report-col-networks-blocking = Networks that blocked

report-mechanisms = How it was done
report-mechanisms-says = What the measurements found between the vantage and the target
report-col-mechanism = Mechanism
report-col-meaning = What it means
report-col-status = Verdict

report-events = Events
report-events-says = Blocks and shutdowns stated from many measurements. Hours are UTC; the beginning is the first measurement that belongs to it.
report-col-event = Statement
report-col-when = When
report-col-what = What
report-col-where = Where
report-col-evidence = Evidence
report-event-block = block
report-event-shutdown = shutdown
report-event-stated = stated
report-event-unconfirmed = unconfirmed: too few vantages
report-event-standing = blocked from the first measurement on
report-event-lasting = { $start }, lasting
report-event-over = { $start } to { $end }
report-event-evidence = { $blocked } blocked, { $ok } usable, { $down } down; { $vantages } vantages; confidence: { $confidence }
report-and-more = and { $count } more

report-method = Method
report-method-1 = Each measurement tries to use a target and notes every step: lookup, connection, encryption, page. Where the test has one, the same target is tried at the same time from a place without the interference (the control).
report-method-2 = A rule then gives a verdict: could be used, failed by itself, blocked, or not enough to tell. Rules are part of the program, have a version, and name the observations that they stand on. Confidence is a grade of evidence and no probability.
report-method-3 = Statements about blocks and shutdowns need several independent vantages, or many measurements over time. Later data can replace them; only those that hold are here.
report-method-4 = Every verdict can be made again from the stored record: `wirewitness archive rebuild`. The table of measurements names each record by its hash.
report-rules-says = Rules that gave these verdicts
report-col-rule = Rule
report-col-rule-says = What it says
report-rule-other = This version of the program has another version of the rule, or none.
report-data-says = What the judge used
report-col-judge = Judge
report-col-program = Program and rules
report-col-files = Data
report-judge-unknown = no file in the archive says what this name stands for
report-judge-builtin = the data that come with the program
report-origins-says = Where the measurements come from
report-col-origin = Origin
report-sources-says = Files that the measurements were read from, by hash. Their names are left out: they may tell who collected them.
report-col-sha256 = SHA-256
report-col-format = Format
report-col-bytes = Bytes
report-col-records = Records
report-col-refused = Not usable

report-limits = What this cannot say
report-limit-interception = Whether anyone reads or stores traffic. Passive interception leaves no trace on the line; nothing here can show that it happens or that it does not.
report-limit-who = Who ordered a block, and why. A measurement shows what happened on a path, not who decided it.
report-limit-vendor = Which product did it. Similar behaviour is not proof; the names of systems in the last part come from documents, not from these measurements.
report-limit-silence = That something was not blocked where nobody measured, or at other times, on other lines or for other customers of the same network.
report-limit-numbers = How many people were affected. Vantages are few, and volunteers are no random sample.
report-limit-place = Where exactly on the path it was done, unless the table of mechanisms says so.
report-cannot-says = What the verdicts of blocking here cannot tell apart, as the rules word it
report-col-cannot = Cannot be told apart from

report-list = Measurements
report-list-says = The first 128 bits of the SHA-256 of each record, its day and verdict, blocked ones first. Times of day stay in the archive.
report-col-hash = Hash of the record
report-col-day = Day
report-col-sure = Confidence

report-systems = What is documented about the systems
report-systems-lims = LIMS cannot be detected from outside.
report-systems-intro = This part does not come from measurements. It says what court records, research and the press document about the systems in Pakistan, with the source and a grade for each sentence. Sources that disagree are both given.
report-systems-why = LIMS copies traffic without touching it. No test from a subscriber's line can show that it is there, and no test can show that it is not. Who claims to have detected it is wrong.
report-grade = Grade
report-grade-A = A: peer-reviewed research, court record or primary data
report-grade-B = B: reputable press or an organisation that quotes primary documents
report-grade-C = C: a single secondary source, or a collection
report-grade-D = D: anecdote or forum
report-system-lims = LIMS: lawful intercept management system
report-system-wms1 = WMS 1.0: the first web monitoring system
report-system-wms2 = WMS 2.0: the second web monitoring system
report-col-documented = What is documented
report-col-source = Source
report-systems-amnesty = Sentences of the Amnesty report are given as the press quotes it; the report itself was not compared. Compare it before you rely on one.

report-colophon = Set in Noto Sans and Noto Naskh Arabic (SIL Open Font License 1.1).
report-page = { $page } / { $pages }
report-skip = To the summary
report-contents = On this page
