//! Events as an Atom feed (RFC 4287).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::asked::Asked;
use super::own::{event_filter, time_text};
use crate::facts::{EventFilter, EventRow, Facts};

/// Something that changed: a block began, or ended.
struct Change<'f> {
    event: &'f EventRow,
    is_end: bool,
    /// When the evidence was enough to say so, seconds since 1970.
    said_s: i64,
}

/// The feed that was asked for, the newest first.
pub(super) fn atom(facts: &Facts, asked: &Asked, query: &str) -> String {
    let filter = event_filter(asked);
    let only = asked.text("only");
    let mut changes: Vec<Change<'_>> = Vec::new();
    for event in facts.events(&filter) {
        if only != Some("ended") {
            changes.push(Change { event, is_end: false, said_s: event.seen_at });
        }
        if let (true, Some(ended)) = (only != Some("begun"), event.ended_at) {
            let said_s = event.end_seen_at.unwrap_or(ended);
            changes.push(Change { event, is_end: true, said_s });
        }
    }
    changes.sort_by(|a, b| {
        (b.said_s, &b.event.event_id, b.is_end).cmp(&(a.said_s, &a.event.event_id, a.is_end))
    });
    changes.truncate(MOST_ENTRIES);
    let updated = changes.first().map_or_else(|| facts.latest_s().unwrap_or(0), |it| it.said_s);
    let path = if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    let _ = writeln!(xml, "<feed xmlns=\"http://www.w3.org/2005/Atom\">");
    let _ = writeln!(xml, "<id>urn:wirewitness:feed:{}</id>", escaped(&path));
    let _ = writeln!(xml, "<title>Wirewitness: blocks and their ends</title>");
    let _ = writeln!(xml, "<updated>{}</updated>", time_text(updated));
    let _ = writeln!(xml, "<author><name>Wirewitness</name></author>");
    let _ = writeln!(
        xml,
        "<link rel=\"self\" type=\"application/atom+xml\" href=\"{}\"/>",
        escaped(&path)
    );
    let firsts = firsts(facts);
    for change in &changes {
        change.write(&mut xml, (facts, &firsts));
    }
    xml.push_str("</feed>\n");
    xml
}

/// What tells events of one name apart: a target that is blocked twice within a day has two.
type Mark<'f> = (i64, &'f [u32], &'f str);

fn mark(event: &EventRow) -> Mark<'_> {
    (event.started_at, &event.networks, &event.certainty)
}

/// Of each name, the event that began first: it has the name for itself, the others have their mark behind it. Of all events, so that a filter
/// changes no id.
fn firsts(facts: &Facts) -> BTreeMap<&str, Mark<'_>> {
    let mut firsts = BTreeMap::new();
    for event in facts.events(ALL) {
        let first = firsts.entry(event.event_id.as_str()).or_insert_with(|| mark(event));
        *first = mark(event).min(*first);
    }
    firsts
}

impl Change<'_> {
    fn write(&self, xml: &mut String, (facts, firsts): (&Facts, &BTreeMap<&str, Mark<'_>>)) {
        let event = self.event;
        let what = if self.is_end { "ended" } else { "begun" };
        let link = format!("/event/{}", event.event_id);
        let _ = writeln!(xml, "<entry>");
        // The event keeps its name while later data do not change its first alarm.
        let mut id = event.event_id.clone();
        if firsts.get(event.event_id.as_str()).is_some_and(|first| *first != mark(event)) {
            let network = event.networks.first().copied().unwrap_or_default();
            let _ = write!(id, ":{}:{network}:{}", event.started_at, event.certainty);
        }
        let _ = writeln!(xml, "<id>urn:wirewitness:event:{}:{what}</id>", escaped(&id));
        let _ = writeln!(xml, "<title>{}</title>", escaped(&self.title()));
        // What was said stays said; later evidence is another entry, of the end.
        let _ = writeln!(xml, "<published>{}</published>", time_text(self.said_s));
        let _ = writeln!(xml, "<updated>{}</updated>", time_text(self.said_s));
        let _ = writeln!(
            xml,
            "<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>",
            escaped(&link)
        );
        for word in [&event.country, &event.kind, &event.certainty] {
            let _ = writeln!(xml, "<category term=\"{}\"/>", escaped(word));
        }
        let _ = writeln!(xml, "<summary>{}</summary>", escaped(&self.summary(facts)));
        let _ = writeln!(xml, "</entry>");
    }

    fn title(&self) -> String {
        let event = self.event;
        let subject = match event.targets.split_first() {
            None => "the network".to_owned(),
            Some((one, [])) => cut(one).to_owned(),
            Some((one, rest)) => format!("{} and {} more", cut(one), rest.len()),
        };
        let what = match (event.kind.as_str(), self.is_end) {
            ("shutdown", false) => "Shutdown",
            ("shutdown", true) => "Shutdown ended",
            (_, false) => "Blocked",
            (_, true) => "Unblocked",
        };
        let certainty = if event.certainty == "stated" { "" } else { " (unconfirmed)" };
        format!("{what} in {}: {subject}{certainty}", event.country)
    }

    fn summary(&self, facts: &Facts) -> String {
        let event = self.event;
        let networks = event.networks.iter().take(20).map(|asn| match facts.network_name(*asn) {
            Some(name) => format!("AS{asn} ({})", cut(name)),
            None => format!("AS{asn}"),
        });
        let networks: Vec<String> = networks.collect();
        let mut text = format!("From {}", time_text(event.started_at));
        if let Some(ended) = event.ended_at {
            let _ = write!(text, " to {}", time_text(ended));
        }
        let _ = write!(
            text,
            "; {} vantages, {} vantage-hours blocked, {} not; confidence {}; certainty {}; networks: {}; mechanisms: {}.",
            event.vantages,
            event.units_blocked,
            event.units_ok,
            event.confidence,
            event.certainty,
            networks.join(", "),
            event.mechanisms.join(", "),
        );
        text
    }
}

/// Text that is harmless in XML: markup is escaped; what XML 1.0 §2.2 does not know, controls and marks that turn the direction of text are
/// left out.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '\u{fffe}' | '\u{ffff}' => {}
            '\t' | '\n' | '\r' => safe.push(' '),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST_NAME).map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

const ALL: &EventFilter = &EventFilter {
    country: None,
    asn: None,
    name: None,
    category: None,
    kind: None,
    certainty: None,
    is_over: None,
    since: None,
    until: None,
};
const PATH: &str = "/feeds/events.atom";
const MOST_ENTRIES: usize = 200;
const LONGEST_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_feed() {
        let hostile = "</title><script>\u{1b}[31m\u{202e}\u{0}\u{ffff}&amp;\"'\r\n";
        assert_eq!(escaped(hostile), "&lt;/title&gt;&lt;script&gt;[31m&amp;amp;&quot;&#39;  ");
        assert_eq!(cut(&"ä".repeat(1_000_000)).chars().count(), LONGEST_NAME);
    }
}
