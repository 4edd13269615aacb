//! A connection's end: what is told of it.

use super::judge;
use super::signature::signature;
use super::transfers::Transfers;
use super::{Held, Ledgers, TcpWatch, named};
use crate::flows::connection::Connection;
use crate::flows::key::Key;
use crate::flows::side::Habit;
use crate::tamper::Wants;
use crate::tamper::drop::Ended;
use crate::tamper::finding::{self, End, Finding, Flow, Grade, Trigger};
use crate::tamper::throttle::Whose;

impl TcpWatch<'_> {
    /// Tells all about a connection that is over.
    pub(super) fn tell(
        &mut self,
        (key, mut held): (Key, Held),
        ledgers: &mut Ledgers,
        out: &mut dyn FnMut(Finding),
    ) {
        self.memory -= held.read(&key, self.fingerprints, out);
        self.memory -= held.talk.as_ref().map_or(0, |talk| talk.memory());
        let whole = &held.connection;
        let is_unread = held.talk.is_none() && whole.client().bytes + whole.server().bytes > 0;
        self.counts.unread += u64::from(is_unread);
        let trigger = held.talk.as_mut().and_then(|talk| talk.take_trigger());
        let (suspicion, talk) = (held.suspicion.as_deref(), held.talk.as_deref());
        let injections = judge::injections(suspicion, talk, (whole, &key));
        let injected_reset = injections.iter().any(|it| {
            it.grade >= Grade::Likely && it.what.iter().any(|what| what.starts_with("rst"))
        });
        let signature = signature(suspicion, whole, self.now_ns);
        if signature.is_some() || self.wants == Wants::Everything {
            out(Finding::Flow(Box::new(Flow { signature, ..flow(whole, &key, trigger.clone()) })));
        }
        for mut injection in injections {
            injection.trigger.clone_from(&trigger);
            out(Finding::Injection(Box::new(injection)));
        }
        if let Some(transfers) = held.talk.as_mut().and_then(|talk| talk.transfers.take()) {
            let connection = named(&held.connection, &key);
            self.tell_transfers(
                *transfers,
                (connection, &held.connection, trigger.clone()),
                (ledgers, out),
            );
        }
        ledgers.drops.ended(Ended { injected_reset, ..ended(&held, &key, trigger) });
    }

    fn tell_transfers(
        &mut self,
        transfers: Transfers,
        (connection, whole, trigger): (finding::Connection, &Connection, Option<Trigger>),
        (ledgers, out): (&mut Ledgers, &mut dyn FnMut(Finding)),
    ) {
        for (place, transfer) in transfers.into_ways() {
            self.memory -= transfer.memory() as isize;
            let last = &whole.side(place).last;
            let ip = if last.version_4() { 20 } else { 40 };
            let whose = Whose {
                connection,
                from: whole.end(place),
                began_ns: whole.first_ns,
                round_trip_ns: whole.round_trip_ns(),
                trigger: trigger.clone(),
                header_bytes: ip + 20 + u32::from(last.options()),
            };
            ledgers.throttling.ended(whose, transfer, out);
        }
    }
}

fn flow(whole: &Connection, key: &Key, trigger: Option<Trigger>) -> Flow {
    let (client, server) = (whole.client(), whole.server());
    Flow {
        connection: named(whole, key),
        packet: whole.packet,
        first_ns: whole.first_ns,
        last_ns: whole.last_ns,
        packets: [client.packets.into(), server.packets.into()],
        bytes: [client.bytes, server.bytes],
        seen_from: whole.seen_from(),
        trigger,
        signature: None,
        gaps: whole.gaps(),
        app: None,
    }
}

fn ended(held: &Held, key: &Key, trigger: Option<Trigger>) -> Ended {
    let whole = &held.connection;
    let (unanswered, waiting) =
        held.talk.as_ref().map(|talk| talk.unanswered()).unwrap_or_default();
    let unanswered_since_ns = if unanswered.is_empty() { 0 } else { waiting.since_ns };
    Ended {
        connection: named(whole, key),
        seen_from: whole.seen_from(),
        first: (whole.packet, whole.first_ns),
        last_ns: whole.last_ns,
        trigger,
        handshake: whole.is_established()
            || whole.client().has(Habit::Ack) && whole.server().has(Habit::Syn),
        round_trip_ns: whole.round_trip_ns(),
        repeated: if unanswered.is_empty() { 0 } else { waiting.repeated },
        unanswered,
        unanswered_since_ns,
        server_payload: whole.side(whole.place(End::Server)).bytes,
        reset: whole.is_reset(),
        server_fin: whole.server().has(Habit::Fin),
        injected_reset: false,
        app: None,
    }
}
