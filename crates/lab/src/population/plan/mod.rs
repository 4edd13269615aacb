//! Planting: what happens in the country, where and when, so that each thing can be told from the next.
//!
//! Two events on one dense cell are [`APART_S`] apart, so that there is a before and an after. No event changes while
//! nobody could see it: in a control outage, or while half of its networks are cut off.

mod draft;
mod events;
mod mechanisms;
mod non_events;

use super::country::Country;
use super::draw::Draw;
use super::settings::{DAY_S, HOUR_S, Settings, SettingsError};
use super::truth::{NonEvent, Planted, Truth};
use draft::Draft;
pub(super) use mechanisms::{reach_of, seen_as};

/// Plants all that the settings ask for; faults are put on volunteers of the country.
///
/// # Errors
/// The key of what the dense cells and days have no room for.
pub(super) fn plant(settings: &Settings, country: &mut Country) -> Result<Truth, SettingsError> {
    let begin_s = settings.begin_s;
    let end_s = begin_s + i64::from(settings.days) * DAY_S;
    let mut trial = 0;
    let (mut events, mut non_events) = loop {
        let mut planner = Planner::new(settings, &mut *country, trial);
        planner.control_outages();
        match planner.events() {
            Ok(()) => {
                planner.non_events()?;
                break (planner.events, planner.non_events);
            }
            // The first wide events may lie so that the last have no room.
            Err(error) if trial == TRIALS => return Err(error),
            Err(_) => trial += 1,
        }
    };
    events.sort_by_key(|event| event.start_s);
    non_events.sort_by_key(|event| event.start_s);
    for (number, event) in events.iter_mut().enumerate() {
        event.id = format!("e{:03}", number + 1);
    }
    for (number, event) in non_events.iter_mut().enumerate() {
        event.id = format!("n{:03}", number + 1);
    }
    Ok(Truth {
        country: settings.country.clone(),
        begin_s,
        end_s,
        targets: settings.targets,
        networks: country.networks.iter().map(|network| network.asn).collect(),
        events,
        non_events,
    })
}

/// What is planted so far, and whose room it takes.
struct Planner<'a> {
    settings: &'a Settings,
    country: &'a mut Country,
    draw: Draw,
    /// The first second of the data, and the first after it.
    data: (i64, i64),
    taken: Vec<Taken>,
    /// Networks cut off, from when to when.
    cuts: Vec<(Vec<usize>, (i64, i64))>,
    /// Control outages.
    outages: Vec<(i64, i64)>,
    events: Vec<Planted>,
    non_events: Vec<NonEvent>,
}

/// Cells that an event has, from when to when.
struct Taken {
    /// Dense targets, in order.
    targets: Vec<u32>,
    networks: Vec<usize>,
    span: (i64, i64),
    changes: Vec<(i64, i64)>,
}

impl<'a> Planner<'a> {
    fn new(settings: &'a Settings, country: &'a mut Country, trial: u64) -> Self {
        let end_s = settings.begin_s + i64::from(settings.days) * DAY_S;
        Self {
            settings,
            country,
            draw: Draw::of(settings.seed, &[5, trial]),
            data: (settings.begin_s, end_s),
            taken: Vec::new(),
            cuts: Vec::new(),
            outages: Vec::new(),
            events: Vec::new(),
            non_events: Vec::new(),
        }
    }

    /// Draws until a draft has room, and plants it.
    fn place(
        &mut self,
        key: &str,
        make: impl Fn(&mut Self) -> Option<Draft>,
    ) -> Result<(), SettingsError> {
        for _ in 0..ATTEMPTS {
            let Some(draft) = make(self) else { continue };
            if self.has_room(&draft) {
                self.keep(draft);
                return Ok(());
            }
        }
        let expected = "fewer: dense cells and days have no room for more that is apart";
        Err(SettingsError::at(&format!("planted.{key}"), expected))
    }

    fn has_room(&self, draft: &Draft) -> bool {
        let changes = draft.changes();
        let near = |(from, to): (i64, i64), (before, after): (i64, i64)| {
            changes.iter().any(|change| meet(*change, (from - before, to + after)))
        };
        let unseen = self.outages.iter().any(|outage| near(*outage, (6 * HOUR_S, 12 * HOUR_S)));
        let cut = self.cuts.iter().any(|(networks, span)| {
            let common = draft.networks.iter().filter(|at| networks.contains(at)).count();
            common * 2 >= draft.networks.len().max(1) && near(*span, (12 * HOUR_S, DAY_S))
        });
        let span = draft.span();
        let apart = (span.0.saturating_sub(APART_S), span.1.saturating_add(APART_S));
        let taken = self.taken.iter().any(|other| {
            meet(apart, other.span)
                && draft.networks.iter().any(|at| other.networks.contains(at))
                && draft.dense.iter().any(|it| other.targets.binary_search(it).is_ok())
        });
        !unseen && !cut && !taken
    }

    fn keep(&mut self, draft: Draft) {
        let mut targets = draft.dense.clone();
        targets.sort_unstable();
        self.taken.push(Taken {
            targets,
            networks: draft.networks.clone(),
            span: draft.span(),
            changes: draft.changes(),
        });
        let planted = draft.planted(self.settings, self.country);
        self.events.push(planted);
    }
}

/// True where two stretches of time have a moment in common.
fn meet(a: (i64, i64), b: (i64, i64)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

/// Two events on one cell are at least so far apart.
pub(crate) const APART_S: i64 = 2 * DAY_S;

/// Plans that are begun anew before the settings are said to ask for too much.
const TRIALS: u64 = 8;

/// Draws before an event is said to have no room.
const ATTEMPTS: u32 = 2_000;
