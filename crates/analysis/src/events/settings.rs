//! What the search for events may be told, and what each number means.

use serde::{Deserialize, Serialize};

/// Settings of a search. `Settings::default()` is what the documentation speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// False changes expected in one series in one year, at most, if its verdicts are independent of one another and wrong
    /// as often as `noise` says. Thresholds follow from it (see [`Settings::threshold`]). Above 0; default 0.0001.
    pub false_changes: f64,
    /// Share of measurements that say `blocked` where nothing is. A series that has shown more is believed to make more.
    /// 0.001 to 0.2; default 0.02.
    pub noise: f64,
    /// Share of measurements that say `blocked` under a block of everybody; the rest go around it. Default 0.93.
    pub full: f64,
    /// Share of measurements that say `blocked` under the weakest partial block that is looked for. Default 0.25.
    pub partial: f64,
    /// Share of a threshold that one vantage can bring. Below 1 two vantages are needed, below 0.5 three. Default 0.6.
    pub one_vantage: f64,
    /// Share of a threshold that one network can bring where networks are pooled. Default 0.4: three are needed.
    pub one_network: f64,
    /// Hours without a measurement after which a series is `insufficient` and what it was about to say is forgotten.
    /// Default 336 (two weeks).
    pub stale_h: i64,
    /// Hours between blocks of one target in two networks up to which they are one event. Default 12.
    pub roll_out_h: i64,
    /// Hours between blocks of two targets up to which they are one event, beyond what is not known of either's start.
    /// Default 3.
    pub at_once_h: i64,
    /// Share of a resolver's targets that fail in its DNS within a quarter of a day from which it is broken. Default 0.35.
    pub resolver_share: f64,
    /// Targets asked of a resolver within that time below which nothing is said of it. Default 8.
    pub resolver_targets: u32,
    /// Share of all measurements of an hour that came to nothing (`insufficient`, `down`), above what is usual, from which the
    /// control side had an outage. Default 0.5.
    pub control_share: f64,
    /// Share of a network's usual activity that is left in a shutdown. Default 0.1.
    pub shutdown_rest: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_changes: 1e-4,
            noise: 0.02,
            full: 0.93,
            partial: 0.25,
            one_vantage: 0.6,
            one_network: 0.4,
            stale_h: 336,
            roll_out_h: 12,
            at_once_h: 3,
            resolver_share: 0.35,
            resolver_targets: 8,
            control_share: 0.5,
            shutdown_rest: 0.1,
        }
    }
}

impl Settings {
    /// Evidence (a sum of logarithms of likelihood ratios) at which a change is stated in a series of so many units of
    /// evidence a year.
    ///
    /// The mean number of units until a cumulative sum of log likelihood ratios (Page 1954) crosses `h` where nothing
    /// changed is at least `e^h` (Lorden 1971). Two sums watch a series for a block (of everybody, of some), so `h =
    /// ln(2 * units a year / false_changes)` keeps to [`Settings::false_changes`]. Caps on vantages only lower a sum, so the
    /// bound holds with them. It does not hold for errors that come together, of several vantages at once.
    pub fn threshold(&self, units_a_year: f64) -> f64 {
        (2.0 * units_a_year.max(1.0) / self.false_changes.max(f64::MIN_POSITIVE)).ln().max(4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_false_changes_ask_for_more_evidence() {
        let usual = Settings::default();
        let strict = Settings { false_changes: 1e-6, ..usual };
        assert!(strict.threshold(7_300.0) > usual.threshold(7_300.0));
        assert!(usual.threshold(7_300.0) > usual.threshold(150.0), "more units, more chances");
        // Twice 7 300 units over 0.0001 is 1.46e8, whose logarithm is 18.8.
        assert!((usual.threshold(7_300.0) - 18.8).abs() < 0.01);
    }

    #[test]
    fn they_go_through_json() {
        let text = serde_json::to_string(&Settings::default()).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), Settings::default());
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        assert!(serde_json::from_str::<Settings>("{\"alpha\": 1}").is_err());
    }
}
