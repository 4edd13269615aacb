//! Fragments of IPv4: which boundary a device has, and paths on which nothing can be said of it.

use wirewitness_analysis::attribution::evidence::{Value, What, evidence};
use wirewitness_lab::frame::Frame;
use wirewitness_lab::middlebox::defragment::{Defragment, Rejoin};
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::middlebox::tls_sni::{SniAction, TlsSni};
use wirewitness_lab::middlebox::watch::Reassembly;
use wirewitness_lab::middlebox::{Fate, Hop};
use wirewitness_lab::{Middlebox, Placement};
use wirewitness_model::battery::{Battery, Behaviour, Counts, State};
use wirewitness_probe::battery::{Plan, Test};

use super::{BLOCKED, plan, resetting, run};

fn cut(fragments: &[u16]) -> Plan {
    Plan { fragments: fragments.to_vec(), ..plan(&[Test::Fragments]) }
}

/// At, and the next that is not joined.
fn boundary(battery: &Battery) -> Option<(u64, Option<u64>)> {
    let evidence = evidence(battery);
    let mut seen =
        evidence.iter().flat_map(|it| &it.seen).filter(|it| it.key == "fragment_boundary");
    match seen.next().map(|it| &it.what) {
        Some(What::Value(Value::Boundary { at, next })) => Some((*at, *next)),
        _ => None,
    }
}

/// Why the test was not run.
fn void(battery: &Battery) -> &str {
    assert!(battery.fragments.is_empty(), "{:?}", battery.fragments);
    let skipped = &battery.run.as_ref().unwrap().skipped;
    assert_eq!(skipped.iter().map(|it| it.test.as_str()).collect::<Vec<_>>(), ["fragments"]);
    &skipped[0].why
}

#[test]
fn a_clean_path_brings_all_fragments() {
    let battery = run(Vec::new(), &cut(&[1, 2, 8, 101, 500]));
    let facts = battery.run.as_ref().unwrap();
    assert_eq!((facts.ended.as_deref(), facts.skipped.len()), (None, 0), "{facts:?}");
    let [test] = battery.fragments.as_slice() else { panic!("{:?}", battery.fragments) };
    assert_eq!(test.probes.len(), 5);
    for probe in &test.probes {
        assert_eq!(probe.runs, [Counts::new(0, 20)], "{}", probe.vector);
        assert_eq!(probe.negative, Some(Counts::new(0, 20)), "{}", probe.vector);
    }
}

#[test]
fn a_device_that_joins_is_told_from_one_that_does_not() {
    let all = [1, 2, 8, 101, 500];
    let beside = run(vec![(Placement::OnPath, resetting(Reassembly::Stream))], &cut(&all));
    assert_eq!(boundary(&beside), Some((0, Some(2))), "it reads no fragments");
    let whole = &beside.fragments[0].probes.iter().find(|it| it.vector == "fragments:1").unwrap();
    assert_eq!(whole.decided(), State::Censored, "a whole packet is no fragment");
    // In the path: what it drops never arrives, and the far end says so.
    let dropping = TlsSni::new(Names::new([BLOCKED]), Reassembly::Stream, SniAction::Drop);
    let boxes: Vec<(_, Box<dyn Middlebox>)> =
        vec![(Placement::InPath, Box::new(Defragment::new(dropping)))];
    let battery = run(boxes, &cut(&[1, 2, 8, 101]));
    assert_eq!(battery.fragments[0].behaviour, Behaviour::DropToServer);
    assert_eq!(boundary(&battery), Some((101, None)));
    let negative = |it: &wirewitness_model::battery::Probe| it.negative == Some(Counts::new(0, 20));
    assert!(battery.fragments[0].probes.iter().all(negative));
}

/// Drops fragments, or those of packets cut into more than so many.
struct Strict(u16);

impl Middlebox for Strict {
    fn see(&mut self, frame: &Frame, _: &mut Hop<'_>) -> Fate {
        let fragment = frame.packet().and_then(|it| it.fragment);
        // Of a hello in N, no piece but the first begins beyond 8 N bytes.
        let is_far = fragment.is_some_and(|it| it.offset > self.0.saturating_mul(8));
        if is_far { Fate::Drop } else { Fate::Forward }
    }
}

#[test]
fn a_path_that_drops_fragments_is_void() {
    let boxes = || -> Vec<(_, Box<dyn Middlebox>)> {
        vec![
            (Placement::InPath, Box::new(Strict(0))),
            (Placement::OnPath, resetting(Reassembly::Stream)),
        ]
    };
    let battery = run(boxes(), &cut(&[2, 101]));
    assert!(void(&battery).contains("drops fragments"), "{}", void(&battery));
    assert_eq!(boundary(&battery), None);
    // The line itself is none the worse: other tests go on.
    let plan = Plan { tls_vectors: vec!["message_len:half".into()], ..cut(&[2]) };
    let both = run(boxes(), &Plan { tests: vec![Test::Tls, Test::Fragments], ..plan });
    assert_eq!((both.run.as_ref().unwrap().ended.as_deref(), both.tls.len()), (None, 1));
}

#[test]
fn a_path_that_joins_fragments_is_void() {
    // An address translator before the device: the device sees whole packets, and would seem to join them.
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![
        (Placement::InPath, Box::new(Rejoin::new())),
        (Placement::OnPath, resetting(Reassembly::Stream)),
    ];
    let battery = run(boxes, &cut(&[2, 101]));
    assert!(void(&battery).contains("joins fragments"), "{}", void(&battery));
    assert_eq!(boundary(&battery), None);
}

#[test]
fn numbers_that_do_not_arrive_are_void_and_the_others_count() {
    // Up to some 60 pass here.
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![
        (Placement::InPath, Box::new(Strict(60))),
        (
            Placement::OnPath,
            Box::new(Defragment::new(TlsSni::new(
                Names::new([BLOCKED]),
                Reassembly::Stream,
                SniAction::Reset(wirewitness_lab::middlebox::forge::ResetShape::default()),
            ))),
        ),
    ];
    let battery = run(boxes, &cut(&[2, 8, 101]));
    let probes = &battery.fragments[0].probes;
    let of = |vector: &str| probes.iter().find(|it| it.vector == vector).unwrap();
    assert_eq!(
        (of("fragments:2").decided(), of("fragments:8").decided()),
        (State::Censored, State::Censored)
    );
    assert!(of("fragments:101").is_void());
    // Nothing is known beyond 8: at least so many are joined.
    assert_eq!(boundary(&battery), Some((8, None)));
}

#[test]
fn two_runs_cut_twice() {
    let device = vec![(Placement::OnPath, resetting(Reassembly::Stream))];
    let battery = run(device, &Plan { runs: 2, ..cut(&[1, 2]) });
    let [test] = battery.fragments.as_slice() else { panic!("{:?}", battery.fragments) };
    let runs =
        |vector: &str| test.probes.iter().find(|it| it.vector == vector).unwrap().runs.clone();
    assert_eq!(runs("fragments:1"), [Counts::new(20, 20); 2]);
    assert_eq!(runs("fragments:2"), [Counts::new(0, 20); 2]);
}
