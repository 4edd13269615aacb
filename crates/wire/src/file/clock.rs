//! Times of pcapng's interfaces (draft-ietf-opsawg-pcapng §4.2): `if_tsresol` and `if_tsoffset`.

/// What an interface's times count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) unit: Unit,
    /// To be added, seconds.
    pub(super) offset_s: i64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many of them are a nanosecond; 0 where that is more than can be said.
    PerNanosecond(u64),
    /// 2 to the power of so many of them are a second.
    PerSecondLog2(u8),
}

impl Clock {
    /// Nanoseconds since 1970; the first or last that there are, where the time is outside.
    #[inline]
    pub(super) fn ns(self, ticks: u64) -> i64 {
        let ns = match self.unit {
            Unit::Nanoseconds(unit) => i64::try_from(ticks.saturating_mul(unit)),
            Unit::PerNanosecond(ticks_of_ns) => {
                i64::try_from(ticks.checked_div(ticks_of_ns).unwrap_or(0))
            }
            Unit::PerSecondLog2(power) => {
                let ns = (u128::from(ticks) * 1_000_000_000) >> power;
                i64::try_from(ns)
            }
        };
        let offset_ns = self.offset_s.saturating_mul(1_000_000_000);
        ns.unwrap_or(i64::MAX).saturating_add(offset_ns)
    }
}

impl Unit {
    /// `if_tsresol`: a power of ten, or with the highest bit of two.
    pub(super) fn of(resolution: u8) -> Self {
        match resolution {
            0..=9 => Self::Nanoseconds(10_u64.pow(9 - u32::from(resolution))),
            10..=127 => {
                Self::PerNanosecond(10_u64.checked_pow(u32::from(resolution) - 9).unwrap_or(0))
            }
            128.. => Self::PerSecondLog2(resolution & 0x7f),
        }
    }
}
