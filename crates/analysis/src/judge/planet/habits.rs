//! How a resolver answers in general: from the scan's profile of it or, where there is none, counted over its rows.

use std::net::IpAddr;

use wirewitness_model::planet::satellite::{Lookup, Satellite};

use super::domain;
use crate::judge::address::is_bogon;

/// How a resolver answers in general, shares from 0 to 1; none where not known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Shares {
    /// Answers with an error.
    pub(super) errors: Option<f64>,
    /// Answers with nothing but private or reserved addresses.
    pub(super) bogons: Option<f64>,
    /// Answers with the resolver's own address.
    pub(super) own: Option<f64>,
}

impl Shares {
    /// These shares, and the other's where there is none.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            errors: self.errors.or(other.errors),
            bogons: self.bogons.or(other.bogons),
            own: self.own.or(other.own),
        }
    }
}

/// What was counted over the rows of one resolver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Habit {
    answered: u32,
    errors: u32,
    bogons: u32,
    own: u32,
}

impl Habit {
    /// Counts one row, where the resolver answered at all.
    pub(super) fn count(&mut self, row: &Satellite<'_>, resolver: IpAddr) {
        let name = domain(row.target());
        let of_name = |lookup: &&Lookup<'_>| domain(lookup.url.or_empty()) == name;
        let response = row.response();
        let lookups = || response.lookups.iter().filter(of_name);
        let in_lookups = lookups().flat_map(|lookup| lookup.response.items.iter());
        let addresses: Vec<IpAddr> = in_lookups
            .chain(response.flat.items.iter())
            .filter_map(|answer| answer.address.parse().ok())
            .collect();
        let is_code = |code: i64| code > 0;
        let has_error = lookups().any(|lookup| lookup.rcode.0.is_some_and(is_code))
            || response.flat.rcodes.iter().any(|c| c.or_empty().parse().is_ok_and(is_code));
        if addresses.is_empty() && !has_error {
            return;
        }
        let all = |is_it: &dyn Fn(&IpAddr) -> bool| {
            u32::from(!addresses.is_empty() && addresses.iter().all(is_it))
        };
        self.answered = self.answered.saturating_add(1);
        self.errors = self.errors.saturating_add(u32::from(addresses.is_empty()));
        let bogon = all(&|address| is_bogon(&address.to_string()));
        self.bogons = self.bogons.saturating_add(bogon);
        self.own = self.own.saturating_add(all(&|address| *address == resolver));
    }

    /// The shares; none from fewer than [`MIN_ANSWERS`] answers.
    pub(super) fn shares(&self) -> Shares {
        let share = |count: u32| {
            (self.answered >= MIN_ANSWERS).then(|| f64::from(count) / f64::from(self.answered))
        };
        Shares { errors: share(self.errors), bogons: share(self.bogons), own: share(self.own) }
    }
}

/// From fewer answers nothing is said of a resolver.
pub(super) const MIN_ANSWERS: u32 = 10;

#[cfg(test)]
mod tests {
    use wirewitness_model::planet::Row;
    use wirewitness_model::planet::source::Source;

    use super::*;

    #[test]
    fn rows_are_counted_once_there_are_enough() {
        let resolver: IpAddr = "203.0.112.53".parse().unwrap();
        let mut habit = Habit::default();
        let mut count = |response: &str, times: usize| {
            let line = format!(
                r#"{{"vp":"203.0.112.53","test_url":"a.example","passed_control":true,"anomaly":true,"response":{response}}}"#
            );
            let Row::Satellite(row) = Row::read(&line, &Source::default()).unwrap() else {
                panic!("{line}")
            };
            for _ in 0..times {
                habit.count(&row, resolver);
            }
            habit.shares()
        };
        count(r#"{"198.51.99.1":[],"rcode":["-1","0"],"error":["x"]}"#, 3);
        count(r#"{"rcode":["5"]}"#, 2);
        count(r#"{"10.0.0.1":[],"rcode":["0"]}"#, 3);
        // Silence is no answer, and neither is a row of another name.
        count(r#"{"rcode":["-1"],"error":["i/o timeout"]}"#, 5);
        let few = count(r#"[{"url":"a.root-servers.net","rcode":5,"response":{}}]"#, 5);
        assert_eq!(few, Shares::default());
        let own = r#"[{"url":"a.example","rcode":0,"response":{"203.0.112.53":{}}}]"#;
        let shares = count(own, 2);
        assert_eq!(shares, Shares { errors: Some(0.2), bogons: Some(0.3), own: Some(0.2) });
    }
}
