//! DNS questions whose name is a chain of compression pointers (RFC 1035 section 4.1.4), and how far an injector follows it.
//!
//! The name of the question is a pointer; the pointers it leads through and at last the labels stand behind the question, where
//! nothing should be. No resolver is asked: the far end runs none, and what answers was forged on the way.

use super::trials::{Counts, State};

/// Chains that are tried.
pub const SWEEP: [u8; 10] = [0, 1, 2, 8, 15, 16, 17, 18, 19, 20];
/// The longest chain that a question can be built for.
pub const MAX_POINTERS: u8 = 63;

/// The bytes of a question of type A for `name`, through so many pointers. 0 is an ordinary question. None where the chain is
/// longer than [`MAX_POINTERS`] or the name has an empty label, one over 63 bytes, or over 253 bytes in all.
pub fn question(id: u16, name: &str, pointers: u8) -> Option<Vec<u8>> {
    let labels = labels(name)?;
    if pointers > MAX_POINTERS {
        return None;
    }
    let mut bytes = Vec::with_capacity(32 + labels.len() + 2 * usize::from(pointers));
    bytes.extend(id.to_be_bytes());
    // Recursion desired; one question.
    bytes.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    if pointers == 0 {
        bytes.extend(&labels);
    } else {
        // Behind the pointer (2 bytes at 12), type and class: 18.
        bytes.extend(pointer_to(18));
    }
    bytes.extend([0, 1, 0, 1]);
    for number in 1..u16::from(pointers) {
        bytes.extend(pointer_to(18 + 2 * number));
    }
    if pointers > 0 {
        bytes.extend(&labels);
    }
    Some(bytes)
}

fn pointer_to(offset: u16) -> [u8; 2] {
    (0xc000 | offset).to_be_bytes()
}

fn labels(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        let len = u8::try_from(label.len()).ok().filter(|len| (1..=63).contains(len))?;
        bytes.push(len);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    (bytes.len() <= 255).then_some(bytes)
}

/// How far an injector follows pointers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It does not answer the ordinary question, so it is no DNS injector; that is not a "no".
    NotApplicable,
    /// To chains of this length, and no further.
    Exactly(u8),
    /// It answers the longest that was tried.
    AtLeast(u8),
    /// Not decided: some chain was not tried or is inconclusive, or a longer one is answered where a shorter one is not.
    Undecided,
}

/// How far the code of TSG follows.
pub const TSG_REACH: u8 = 17;

/// From counts of forged answers by length of the chain.
pub fn reach(counts: &[(u8, Counts)]) -> Reach {
    let mut sorted: Vec<(u8, State)> = counts.iter().map(|(n, it)| (*n, it.state())).collect();
    sorted.sort_by_key(|(n, _)| *n);
    match sorted.first() {
        Some((0, State::Bypass)) => return Reach::NotApplicable,
        Some((0, State::Censored)) => {}
        _ => return Reach::Undecided,
    }
    let answered = sorted.iter().take_while(|(_, state)| *state == State::Censored).count();
    let (follows, rest) = sorted.split_at(answered);
    let last = follows.last().map_or(0, |(n, _)| *n);
    match rest.first() {
        None => Reach::AtLeast(last),
        Some((next, _))
            if *next == last + 1 && rest.iter().all(|(_, state)| *state == State::Bypass) =>
        {
            Reach::Exactly(last)
        }
        Some(_) => Reach::Undecided,
    }
}

/// How a reach compares with TSG's: the paper does not say whether the first pointer counts, so a neighbour is "near".
pub fn is_near_tsg(reach: Reach) -> bool {
    matches!(reach, Reach::Exactly(n) if n.abs_diff(TSG_REACH) <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn questions_are_those_of_the_published_layout() {
        for (pointers, expected) in [
            (1, "123401000001000000000000c0120001000107626c6f636b6564076578616d706c6500"),
            (
                17,
                "123401000001000000000000c01200010001c014c016c018c01ac01cc01ec020c022c024c026c028c02ac02c\
                 c02ec030c03207626c6f636b6564076578616d706c6500",
            ),
            (
                18,
                "123401000001000000000000c01200010001c014c016c018c01ac01cc01ec020c022c024c026c028c02ac02c\
                 c02ec030c032c03407626c6f636b6564076578616d706c6500",
            ),
        ] {
            let bytes = question(0x1234, "blocked.example", pointers).unwrap();
            assert_eq!(hex(&bytes), expected, "{pointers}");
        }
        let plain = question(0x1234, "blocked.example", 0).unwrap();
        assert_eq!(
            hex(&plain),
            "12340100000100000000000007626c6f636b6564076578616d706c650000010001"
        );
    }

    #[test]
    fn every_chain_leads_to_the_name_in_so_many_jumps() {
        for pointers in 0..=MAX_POINTERS {
            let bytes = question(7, "blocked.example", pointers).unwrap();
            let (mut at, mut jumps) = (12, 0);
            while bytes[at] & 0xc0 == 0xc0 {
                at = usize::from(bytes[at] & 0x3f) << 8 | usize::from(bytes[at + 1]);
                jumps += 1;
            }
            assert_eq!(jumps, pointers);
            assert_eq!(&bytes[at..at + 9], b"\x07blocked\x07");
        }
    }

    #[test]
    fn what_is_no_name_makes_no_question() {
        let long = "a".repeat(64);
        for name in ["", "a..b", long.as_str(), "a.", &"abc.".repeat(64)] {
            assert!(question(1, name, 1).is_none(), "{name}");
        }
        assert!(question(1, "a.b", MAX_POINTERS + 1).is_none());
    }

    #[test]
    fn the_reach_is_the_longest_chain_that_is_answered() {
        let sweep =
            |answers: fn(u8) -> u32| SWEEP.map(|n| (n, Counts::new(answers(n), 20))).to_vec();
        for (counts, expected) in [
            (sweep(|n| if n <= 17 { 20 } else { 0 }), Reach::Exactly(17)),
            (sweep(|n| if n <= 17 { 14 } else { 2 }), Reach::Exactly(17)),
            (sweep(|n| if n <= 16 { 20 } else { 0 }), Reach::Exactly(16)),
            (sweep(|n| if n == 0 { 20 } else { 0 }), Reach::Exactly(0)),
            (sweep(|_| 20), Reach::AtLeast(20)),
            (sweep(|_| 0), Reach::NotApplicable),
            (sweep(|n| if n <= 8 { 20 } else { 0 }), Reach::Undecided),
            (sweep(|n| if n <= 17 { 20 } else { 10 }), Reach::Undecided),
            (sweep(|n| if n <= 15 || n == 18 { 20 } else { 0 }), Reach::Undecided),
            (Vec::new(), Reach::Undecided),
        ] {
            assert_eq!(reach(&counts), expected, "{counts:?}");
        }
        assert!([16, 17, 18].into_iter().all(|n| is_near_tsg(Reach::Exactly(n))));
        assert!(!is_near_tsg(Reach::Exactly(15)) && !is_near_tsg(Reach::AtLeast(20)));
    }
}
