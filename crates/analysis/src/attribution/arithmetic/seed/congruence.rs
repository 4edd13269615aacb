//! Numbers known by what they leave when divided.

/// All numbers that leave `rest` when divided by `modulus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// The least of them.
    pub(super) rest: u64,
    modulus: u64,
}

/// One more than the largest address.
const ADDRESSES: u64 = 1 << 32;

impl Class {
    /// All numbers.
    pub(super) const ALL: Self = Self { rest: 0, modulus: 1 };

    /// Those of them that leave `rest` when divided by `divisor`, a 16-bit number (Chinese remainder theorem, also where divisors
    /// have factors in common). None where no address does.
    pub(super) fn and(self, rest: u64, divisor: u64) -> Option<Self> {
        if divisor == 0 {
            return None;
        }
        if self.modulus > ADDRESSES {
            return (self.rest % divisor == rest).then_some(self);
        }
        let g = gcd(self.modulus, divisor);
        let off = rest as i64 - (self.rest % divisor) as i64;
        if off % g as i64 != 0 {
            return None;
        }
        let step = (divisor / g) as i64;
        let turns = (off / g as i64).rem_euclid(step);
        let turns = turns * inverse((self.modulus / g) as i64 % step, step)? % step;
        // Up to 2^32 times 2^16.
        let both = Self {
            rest: self.rest + self.modulus * turns as u64,
            modulus: self.modulus * step as u64,
        };
        (both.modulus <= ADDRESSES || both.rest < ADDRESSES).then_some(both)
    }

    /// The least address of the class, where two can be in it at most: fields that fit by chance seldom leave so few.
    pub(super) fn narrow(self) -> Option<u32> {
        if self.modulus < ADDRESSES / 2 { None } else { u32::try_from(self.rest).ok() }
    }

    /// True if this address is in the class.
    pub(super) fn holds(self, address: u32) -> bool {
        u64::from(address) % self.modulus == self.rest % self.modulus
    }
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// The number that gives 1 with `number`, modulo `modulus` (from 1; extended Euclid). None where they have a factor in common.
pub(super) fn inverse(number: i64, modulus: i64) -> Option<i64> {
    let (mut before, mut rest) = (modulus, number.rem_euclid(modulus));
    let (mut of_before, mut of_rest) = (0_i64, 1_i64);
    while rest != 0 {
        let times = before / rest;
        (before, rest) = (rest, before - times * rest);
        (of_before, of_rest) = (of_rest, of_before - times * of_rest);
    }
    (before == 1).then(|| of_before.rem_euclid(modulus))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_gives_one() {
        for (number, modulus) in [(3, 7), (13, 65_536), (1, 1), (4095, 4096), (-3, 7)] {
            let found = inverse(number, modulus).unwrap();
            assert_eq!((number * found).rem_euclid(modulus), 1 % modulus, "{number} {modulus}");
        }
        assert_eq!(inverse(6, 9), None);
    }

    #[test]
    fn classes_meet_where_both_hold() {
        // 8 leaves 2 of 6 and 0 of 4; with a common factor 2, the class is modulo 12.
        let class = Class::ALL.and(2, 6).unwrap().and(0, 4).unwrap();
        assert_eq!(class, Class { rest: 8, modulus: 12 });
        assert_eq!(Class::ALL.and(1, 6).unwrap().and(0, 4), None, "odd and even");
        assert_eq!(class.narrow(), None, "too many are left");
        assert!(class.holds(20) && !class.holds(21));
    }

    #[test]
    fn an_address_is_found_from_what_it_leaves() {
        let address: u64 = 0xc000_020a;
        let divisors = [4093_u64, 4099, 5051, 3000];
        let class = divisors
            .iter()
            .fold(Class::ALL, |class, divisor| class.and(address % divisor, *divisor).unwrap());
        assert_eq!(class.narrow(), Some(address as u32));
        assert_eq!(class.and((address + 1) % 11, 11), None);
    }
}
