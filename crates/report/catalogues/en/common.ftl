# What several pages and the report say. English is what other languages are translated from.
# Arguments stand as `{ $name }`. Words in brackets such as [one] choose by number (https://projectfluent.org).

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
day-and-time = { $day }, { $time } UTC

# The four statuses of a verdict.
status-ok = could be used
status-blocked = blocked
status-down = down by itself
status-insufficient = not enough to tell

confidence-low = low
confidence-medium = medium
confidence-high = high

measurements =
    { $count ->
        [one] { $count } measurement
       *[other] { $count } measurements
    }
vantages =
    { $count ->
        [one] seen by { $count } vantage
       *[other] seen by { $count } vantages
    }
