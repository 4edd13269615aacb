//! The default country, and the same at another size.

use super::settings::{Counts, MAX_CELLS, Noise, NonEventCounts, Settings};

impl Settings {
    /// The default at another size: per network as many volunteers, dense cells and measurements, and no more planted
    /// than there is room for. At the default's days, networks and targets it is the default.
    #[must_use]
    pub fn sized(days: u32, networks: u32, targets: u32) -> Self {
        let default = Self::default();
        let per_network = |count: u32| (count / default.networks).saturating_mul(networks);
        let cells = (u64::from(networks) * u64::from(targets) / 6).min(MAX_CELLS.into());
        let cells = u32::try_from(cells).unwrap_or(MAX_CELLS);
        let dense_cells = per_network(default.dense_cells).min(cells);
        let room = u64::from(days) * u64::from(dense_cells);
        let whole = u64::from(default.days) * u64::from(default.dense_cells);
        let part = |count: u32| {
            let fewer = u64::from(count) * room.min(whole) / whole;
            u32::try_from(fewer).unwrap_or(count).max(count.min(1))
        };
        Self {
            days,
            networks,
            targets,
            dense_cells,
            // Enough for one with each fault.
            volunteers: per_network(default.volunteers).max(64),
            sparse_per_day: per_network(default.sparse_per_day),
            planted: default.planted.each(part, (targets / 5 * 2).max(1)),
            non_events: default.non_events.each(part),
            ..default
        }
    }
}

impl Counts {
    fn each(&self, of: impl Fn(u32) -> u32, list_targets: u32) -> Self {
        Self {
            national_blocks: of(self.national_blocks),
            network_blocks: of(self.network_blocks),
            partial_blocks: of(self.partial_blocks),
            throttlings: of(self.throttlings),
            list_blocks: of(self.list_blocks),
            list_targets,
            unblocks: of(self.unblocks),
            mechanism_changes: of(self.mechanism_changes),
            shutdowns: of(self.shutdowns),
            standing_blocks: of(self.standing_blocks),
        }
    }
}

impl NonEventCounts {
    fn each(&self, of: impl Fn(u32) -> u32) -> Self {
        Self {
            cdn_moves: of(self.cdn_moves),
            server_outages: of(self.server_outages),
            control_outages: of(self.control_outages),
            broken_resolvers: of(self.broken_resolvers),
            bad_volunteers: of(self.bad_volunteers),
            volume_dips: of(self.volume_dips),
            broken_ipv6: of(self.broken_ipv6),
            captive_portals: of(self.captive_portals),
            wrong_clocks: of(self.wrong_clocks),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            country: "XA".to_owned(),
            begin_s: 1_767_225_600,
            utc_offset_hours: 5,
            days: 30,
            networks: 40,
            volunteers: 600,
            targets: 20_000,
            dense_cells: 2_000,
            dense_per_day: 20,
            sparse_per_day: 16_000,
            late_per_million: 30_000,
            planted: Counts::default(),
            non_events: NonEventCounts::default(),
            noise: Noise::default(),
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            national_blocks: 14,
            network_blocks: 118,
            partial_blocks: 40,
            throttlings: 30,
            list_blocks: 2,
            list_targets: 8_000,
            unblocks: 40,
            mechanism_changes: 40,
            shutdowns: 16,
            standing_blocks: 10,
        }
    }
}

impl Default for NonEventCounts {
    fn default() -> Self {
        Self {
            cdn_moves: 30,
            server_outages: 40,
            control_outages: 3,
            broken_resolvers: 4,
            bad_volunteers: 5,
            volume_dips: 4,
            broken_ipv6: 8,
            captive_portals: 6,
            wrong_clocks: 6,
        }
    }
}

impl Default for Noise {
    fn default() -> Self {
        Self {
            false_blocked_per_million: 5_000,
            false_down_per_million: 4_000,
            insufficient_per_million: 60_000,
        }
    }
}
