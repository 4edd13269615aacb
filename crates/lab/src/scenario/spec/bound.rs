//! Numbers with a bound: a file must not make a run wait, or allocate, without end.

use serde::Deserialize;

/// A number of at most `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct UpTo<const MAX: u64>(u64);

impl<const MAX: u64> UpTo<MAX> {
    /// The number, or the bound where it is beyond.
    pub(crate) const fn new(value: u64) -> Self {
        Self(if value > MAX { MAX } else { value })
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl<const MAX: u64> TryFrom<u64> for UpTo<MAX> {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if value > MAX {
            return Err(format!("out of bounds: {value}, expected at most {MAX}"));
        }
        Ok(Self(value))
    }
}

/// Milliseconds, up to an hour.
pub(crate) type Millis = UpTo<3_600_000>;
/// Microseconds, up to an hour.
pub(crate) type Micros = UpTo<3_600_000_000>;
/// Seconds, up to a day: a run ends then.
pub(crate) type Secs = UpTo<86_400>;
/// Bytes that something holds: 32 MiB, twice what a test helper reads of a page.
pub(crate) type Bytes = UpTo<33_554_432>;
/// Packets in a million.
pub(crate) type PerMillion = UpTo<1_000_000>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_is_an_error_that_names_it() {
        assert_eq!(UpTo::<5>::try_from(5).map(UpTo::get), Ok(5));
        let error = UpTo::<5>::try_from(6).unwrap_err();
        assert_eq!(error, "out of bounds: 6, expected at most 5");
        assert_eq!(UpTo::<5>::new(9).get(), 5);
    }
}
