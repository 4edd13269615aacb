//! What one machine finds, for another one to go on with: a [`Survey`](super::Survey) of some targets, the
//! [`Climate`](super::Climate) that they are searched under, the [`Part`](super::Part) that is found of them.
//!
//! As they are carried from version to version of the same program only: machines of one cluster run the same.

/// Tables whose keys are not texts: as rows.
pub(super) mod rows {
    use std::hash::Hash;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::super::survey::Table;

    pub(crate) fn serialize<K, V, S>(table: &Table<K, V>, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        let mut rows: Vec<(&K, &V)> = table.iter().collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_seq(rows)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<Table<K, V>, D::Error>
    where
        K: Deserialize<'de> + Eq + Hash,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Shares, bit for bit: a share that is written as digits may come back as its neighbour.
pub(super) mod exact {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};
    use wirewitness_model::verdict::Mechanism;

    pub(super) type Shares = BTreeMap<Mechanism, f64>;

    pub(super) fn bits(shares: &Shares) -> Vec<(Mechanism, u64)> {
        shares.iter().map(|(mechanism, share)| (*mechanism, share.to_bits())).collect()
    }

    pub(super) fn shares(bits: Vec<(Mechanism, u64)>) -> Shares {
        bits.into_iter().map(|(mechanism, bits)| (mechanism, f64::from_bits(bits))).collect()
    }

    pub(crate) fn serialize<S: Serializer>(these: &Shares, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(bits(these))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Shares, D::Error> {
        Vec::deserialize(from).map(shares)
    }
}

/// [`exact`] of each network.
pub(super) mod exact_by_network {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};
    use wirewitness_model::point::Network;
    use wirewitness_model::verdict::Mechanism;

    use super::exact::{Shares, bits, shares};

    pub(crate) fn serialize<S: Serializer>(
        networks: &BTreeMap<Network, Shares>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(networks.iter().map(|(network, these)| (network, bits(these))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Network, Shares>, D::Error> {
        let rows = Vec::<(Network, Vec<(Mechanism, u64)>)>::deserialize(from)?;
        Ok(rows.into_iter().map(|(network, bits)| (network, shares(bits))).collect())
    }
}

/// Spells with what is left out where they are told.
pub(super) mod spells {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use wirewitness_model::verdict::Mechanism;

    use super::super::report::{Country, Span, Spell};

    /// All of a spell that its own form leaves out.
    #[derive(Serialize, Deserialize)]
    struct Rest {
        country: [u8; 2],
        voices: Vec<u64>,
        named: Vec<(Mechanism, u32)>,
        began: Span,
        could: Span,
        over: Option<Span>,
        tail: Vec<i64>,
    }

    pub(crate) fn serialize<S: Serializer>(
        spells: &[Spell],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(spells.iter().map(|spell| (spell, rest(spell))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Spell>, D::Error> {
        let pairs = Vec::<(Spell, Rest)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(spell, rest)| whole(spell, rest)).collect())
    }

    /// Every field is named, so that one that is added is not forgotten here.
    fn rest(spell: &Spell) -> Rest {
        let Spell {
            country,
            voices,
            named,
            began,
            could,
            over,
            tail,
            // As they are told.
            target: _,
            asn: _,
            start: _,
            end: _,
            mechanism: _,
            turns: _,
            counts: _,
            vantages: _,
            basis: _,
            last_blocked_s: _,
        } = spell;
        Rest {
            country: country.0,
            voices: voices.clone(),
            named: named.clone(),
            began: *began,
            could: *could,
            over: *over,
            tail: tail.clone(),
        }
    }

    fn whole(spell: Spell, rest: Rest) -> Spell {
        let Rest { country, voices, named, began, could, over, tail } = rest;
        Spell { country: Country(country), voices, named, began, could, over, tail, ..spell }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use wirewitness_model::point::Point;
    use wirewitness_model::verdict::{Mechanism, Status};

    use super::super::unit::tests::point;
    use super::super::{Climate, Finder, Part, Settings, Survey, finish, sort};

    fn carried<T: Serialize + DeserializeOwned>(what: &T) -> T {
        serde_json::from_slice(&serde_json::to_vec(what).unwrap()).unwrap()
    }

    /// Two of twenty targets blocked from day 20 in four networks, a resolver that breaks on day 9, a vantage that is alone.
    fn points() -> Vec<Point> {
        let mut points = Vec::new();
        for (slot, target) in (0..160).flat_map(|slot| (0..20).map(move |target| (slot, target))) {
            for vantage in 0..12 {
                let mut point = point(slot * 21_600 + vantage * 60, vantage as u64, Status::Ok);
                (point.target, point.network.asn) = (target, 64_500 + (vantage % 4) as u32);
                point.resolver_asn = 64_500 + (vantage % 5) as u32;
                let is_broken = slot / 4 == 9 && point.resolver_asn == 64_501;
                let blocked = match target < 2 && slot >= 80 {
                    true => Some(Mechanism::TlsResetSni),
                    false if is_broken => Some(Mechanism::DnsTimeout),
                    false if vantage == 7 && slot % 3 == 0 => Some(Mechanism::TcpReset),
                    false => None,
                };
                if blocked.is_some() {
                    (point.status, point.mechanism) = (Status::Blocked, blocked);
                }
                points.push(point);
            }
        }
        sort(&mut points);
        points
    }

    #[test]
    fn found_in_parts_that_were_carried_is_found_in_one() {
        let (settings, mut points) = (Settings::default(), points());
        let whole = super::super::find(&mut points, &settings);
        assert!(!whole.events.is_empty() && whole.faults.len() >= 2, "{whole:?}");
        let parts: Vec<Vec<Point>> = (0..3)
            .map(|part| points.iter().filter(|point| point.target % 3 == part).copied().collect())
            .collect();
        let mut all = Survey::default();
        for part in &parts {
            let mut survey = Survey::default();
            part.iter().for_each(|point| survey.add(point));
            all.join(carried(&survey));
        }
        let climate = all.finish(&settings);
        let there: Climate = carried(&climate);
        let found: Vec<Part> = parts
            .iter()
            .map(|part| {
                let mut finder = Finder::new(&there, &settings);
                part.iter().for_each(|point| finder.add(point));
                carried(&finder.finish())
            })
            .collect();
        assert_eq!(finish(found, &climate, &settings), whole);
    }
}
