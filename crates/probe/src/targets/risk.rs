//! How dangerous a visit may be for the person whose line it is, by category.

use std::collections::{BTreeMap, BTreeSet};

use super::csv::fields;

/// What a visit to a site of a category may mean for whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Sites that people visit every day.
    Ordinary,
    /// Sites that may be read as a sign of something that is punished; visited only if the category is named.
    High,
    /// Sites that nobody is sent to.
    Highest,
}

/// The tier of each category, from `lists/risk.csv`, where each row says why.
#[derive(Debug, Clone)]
pub struct Risks(BTreeMap<String, Tier>);

impl Risks {
    /// The table that comes with the program.
    pub fn shipped() -> Self {
        Self(SHIPPED.lines().filter_map(row).collect())
    }

    /// The tier of a category. One that nobody has weighed is high.
    pub fn tier(&self, category: &str) -> Tier {
        self.0.get(category).copied().unwrap_or(Tier::High)
    }
}

/// The categories of high risk that were named, so that their sites are visited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow(BTreeSet<String>);

impl Allow {
    /// Allows these categories.
    ///
    /// # Errors
    /// The first that nothing allows: its risk is the highest.
    pub fn new(
        risks: &Risks,
        categories: impl IntoIterator<Item = String>,
    ) -> Result<Self, NeverAllowed> {
        let categories: BTreeSet<_> = categories.into_iter().collect();
        match categories.iter().find(|it| risks.tier(it) == Tier::Highest) {
            Some(category) => Err(NeverAllowed { category: category.clone() }),
            None => Ok(Self(categories)),
        }
    }

    /// Whether the category was named.
    pub fn names(&self, category: &str) -> bool {
        self.0.contains(category)
    }
}

/// A category that cannot be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("category {category} is never visited from a person's line: a visit may cost too much")]
pub struct NeverAllowed {
    /// Its code.
    pub category: String,
}

fn row(line: &str) -> Option<(String, Tier)> {
    let [category, tier, _reason, _source] = <[String; 4]>::try_from(fields(line)?).ok()?;
    let tier = match tier.as_str() {
        "ordinary" => Tier::Ordinary,
        "high" => Tier::High,
        "highest" => Tier::Highest,
        _ => return None,
    };
    Some((category, tier))
}

const SHIPPED: &str = include_str!("../../../../lists/risk.csv");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_but_the_head_is_read() {
        let rows = SHIPPED.lines().count() - 1;
        assert_eq!(Risks::shipped().0.len(), rows);
        // The codes of the Citizen Lab legend.
        assert_eq!(rows, 31);
        for line in SHIPPED.lines().skip(1) {
            assert!(fields(line).unwrap().iter().all(|it| !it.trim().is_empty()), "{line}");
        }
    }

    #[test]
    fn what_may_cost_a_life_is_of_the_highest_tier() {
        let risks = Risks::shipped();
        for category in ["REL", "MILX", "HATE", "PORN"] {
            assert_eq!(risks.tier(category), Tier::Highest, "{category}");
            assert!(Allow::new(&risks, [category.to_owned()]).is_err(), "{category}");
        }
        assert_eq!(risks.tier("LGBT"), Tier::High);
        assert_eq!(risks.tier("NEWS"), Tier::Ordinary);
        assert_eq!(risks.tier("NEVER-HEARD-OF"), Tier::High);
    }
}
