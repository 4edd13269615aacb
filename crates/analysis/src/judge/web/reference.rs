//! What the control says of connections that failed here.

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::Evidence;

use super::facts::{Connection, Facts};

/// What the control says, over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// It succeeded at one of the same endpoints or, where none is known to it, got the page.
    Works,
    /// It failed at the same endpoints (in the same way, where it got the page from another) or, where none is known to
    /// it, in the same way at the page.
    Fails,
    /// Nothing that can be compared: no control, or one that failed in its own way.
    Silent,
}

/// Compares failed connections with the control, at one layer.
pub(super) fn reference(
    facts: &Facts<'_>,
    layer: Layer,
    connections: &[&Connection<'_>],
) -> Reference {
    let answers: Vec<_> = connections.iter().filter_map(|c| control(facts, layer, c)).collect();
    if answers.contains(&None) {
        return Reference::Works;
    }
    match (answers.is_empty(), facts.control_got_page()) {
        (true, true) => Reference::Works,
        (false, false) => Reference::Fails,
        // It got the page from another endpoint. Where it failed at these in the same way, they are down for all.
        (false, true) => {
            let alike = |c: &&Connection<'_>| {
                control(facts, layer, c)
                    .flatten()
                    .is_some_and(|theirs| c.what(layer) == Some(What::of(theirs)))
            };
            if connections.iter().any(alike) { Reference::Fails } else { Reference::Silent }
        }
        (true, false) => {
            let alike = |what| facts.control_failed_like(what).is_some();
            let first = connections.iter().find_map(|connection| connection.what(layer));
            if first.is_some_and(alike) { Reference::Fails } else { Reference::Silent }
        }
    }
}

/// True where the control succeeded at one of the very endpoints.
pub(super) fn same_endpoint_works(
    facts: &Facts<'_>,
    layer: Layer,
    connections: &[&Connection<'_>],
) -> bool {
    connections.iter().any(|connection| control(facts, layer, connection) == Some(None))
}

/// What the control's step came to; none where it did not try.
fn control<'m>(
    facts: &Facts<'m>,
    layer: Layer,
    connection: &Connection<'_>,
) -> Option<Option<&'m str>> {
    match layer {
        Layer::Tls => facts.control_tls(connection),
        _ => facts.control_tcp(connection),
    }
}

/// Each failed step, and what the control saw of the same.
pub(super) fn evidence(
    facts: &Facts<'_>,
    layer: Layer,
    connections: &[&Connection<'_>],
) -> Vec<Evidence> {
    connections.iter().take(MAX_EVIDENCE).map(|connection| one(facts, layer, connection)).collect()
}

/// More endpoints than this say nothing new.
const MAX_EVIDENCE: usize = 8;

fn one(facts: &Facts<'_>, layer: Layer, connection: &Connection<'_>) -> Evidence {
    let (list, step) = match (layer, &connection.tls) {
        (Layer::Tls, Some((step, _))) => ("tls_handshakes", *step),
        _ => ("tcp_connect", connection.tcp),
    };
    let name = connection.tls.as_ref().filter(|(_, name)| layer == Layer::Tls && !name.is_empty());
    let name = name.map(|(_, name)| format!(" as {name}")).unwrap_or_default();
    let failure = step.failure.unwrap_or("ok");
    Evidence {
        at: format!("test_keys.{list}[{}]", step.at),
        outcome: Outcome::of(layer, step.failure),
        seen: format!("{}{name}: {failure}", connection.endpoint()),
        expected: expected(facts, layer, connection),
    }
}

fn expected(facts: &Facts<'_>, layer: Layer, connection: &Connection<'_>) -> Option<String> {
    let page_failure = || facts.control.and_then(|control| control.http_request.failure.as_str());
    match control(facts, layer, connection) {
        Some(None) => Some("the control succeeds at the same endpoint".to_owned()),
        Some(Some(failure)) => Some(format!("the control fails there too: {failure}")),
        None if facts.control_got_page() => Some("the control got the page".to_owned()),
        None => page_failure().map(|failure| format!("the control got no page: {failure}")),
    }
}
