//! The rule that says how sure it is that a packet was injected.
//!
//! Each observation has a family and a weight. Weight 0 only supports; 1 has everyday causes; 2 has rare ones; 3 has none
//! that is known but faults of the capture. Within a family weights add up to at most 3 (how a packet is made up: 2, for
//! one cause often gives two marks). Then:
//!
//! - `injected`: at least 5 together, from two families, one of them with a 3 that is not of the header alone.
//! - `likely`: at least 4 together, from two families, one of them not of the header alone; or the exact arithmetic of a
//!   known injector.
//! - `undecided`: at least 2 together. Less is not told.
//!
//! "Of the header alone" are the hop count and how the packet is made up: every load balancer and firewall that ends
//! connections for a server differs in those, and no packet betrays whom it serves. What [`Bound`] names holds the grade at
//! `undecided`, whatever the sum, unless the arithmetic is exact. A packet of IPv6 has no identification, so that fewer
//! families can speak and the grade is often lower.

use super::finding::{Evidence, Grade};

/// What an observation is about. Observations of one family may have one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Hop count.
    Hops,
    /// Flags, options, length: how the packet is made up.
    Shape,
    /// Numbers taken from the other end's packets.
    Mirror,
    /// Sequence and acknowledgement numbers.
    Sequence,
    /// Several packets in an order that no stack sends.
    Pattern,
    /// Times that the path does not allow.
    Time,
    /// The end that is said to have sent it goes on otherwise.
    Contradiction,
    /// Bytes.
    Content,
    /// The arithmetic of a known injector.
    Arithmetic,
}

/// An observation and what it weighs.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// Its family.
    pub family: Family,
    /// 0 to 3.
    pub weight: u8,
    /// The observation.
    pub evidence: Evidence,
}

/// What holds a grade at `undecided`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Nothing does.
    Free,
    /// There is an everyday cause.
    Undecided,
}

/// Grades a packet. None where too little speaks for it.
pub fn grade(weighed: &[Weighed], bound: Bound) -> Option<Grade> {
    let sums = FAMILIES.map(|family| sum(weighed, family));
    let total: u8 = sums.iter().sum();
    let families = sums.iter().filter(|sum| **sum > 0).count();
    let beyond: u8 =
        weighed.iter().filter(|it| !is_header(it.family)).map(|it| it.weight).max().unwrap_or(0);
    let exact = sum(weighed, Family::Arithmetic) == 3;
    let injected = total >= 5 && families >= 2 && beyond == 3;
    let likely = exact || total >= 4 && families >= 2 && beyond > 0;
    match bound {
        Bound::Undecided if !exact => (total >= 2).then_some(Grade::Undecided),
        _ if injected => Some(Grade::Injected),
        _ if likely => Some(Grade::Likely),
        _ => (total >= 2).then_some(Grade::Undecided),
    }
}

fn sum(weighed: &[Weighed], family: Family) -> u8 {
    let limit = if family == Family::Shape { 2 } else { 3 };
    let of_family = weighed.iter().filter(|it| it.family == family);
    of_family.fold(0_u8, |sum, it| sum.saturating_add(it.weight)).min(limit)
}

fn is_header(family: Family) -> bool {
    matches!(family, Family::Hops | Family::Shape)
}

const FAMILIES: [Family; 9] = [
    Family::Hops,
    Family::Shape,
    Family::Mirror,
    Family::Sequence,
    Family::Pattern,
    Family::Time,
    Family::Contradiction,
    Family::Content,
    Family::Arithmetic,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(list: &[(Family, u8)]) -> Vec<Weighed> {
        let evidence = Evidence { kind: "test", says: String::new(), packets: vec![1] };
        let one = |(family, weight): &(Family, u8)| Weighed {
            family: *family,
            weight: *weight,
            evidence: evidence.clone(),
        };
        list.iter().map(one).collect()
    }

    #[test]
    fn table() {
        use Family::{Arithmetic, Contradiction, Hops, Mirror, Pattern, Shape, Time};
        let (undecided, likely, injected) =
            (Some(Grade::Undecided), Some(Grade::Likely), Some(Grade::Injected));
        for (list, grade_due) in [
            (&[][..], None),
            (&[(Shape, 1)][..], None),
            (&[(Hops, 2)][..], undecided),
            // A load balancer: headers alone never do.
            (&[(Hops, 2), (Shape, 1), (Shape, 1), (Shape, 2)][..], undecided),
            (&[(Hops, 2), (Mirror, 1)][..], undecided),
            (&[(Hops, 2), (Shape, 1), (Mirror, 1)][..], likely),
            // One family alone never does.
            (&[(Contradiction, 3), (Contradiction, 3)][..], undecided),
            (&[(Time, 3), (Contradiction, 2)][..], injected),
            (&[(Pattern, 2), (Hops, 2), (Shape, 2)][..], likely),
            (&[(Arithmetic, 3)][..], likely),
            (&[(Arithmetic, 3), (Hops, 2)][..], injected),
        ] {
            assert_eq!(grade(&weighed(list), Bound::Free), grade_due, "{list:?}");
        }
        let much = weighed(&[(Hops, 2), (Mirror, 3), (Contradiction, 3)]);
        assert_eq!(grade(&much, Bound::Undecided), undecided);
        let exact = weighed(&[(Arithmetic, 3), (Hops, 2)]);
        assert_eq!(grade(&exact, Bound::Undecided), injected);
    }
}
