//! Two runs of each probe, in one battery.

use std::time::Duration;

use wirewitness_lab::middlebox::dns_injection::{AnswerShape, DnsInjection, Lie};
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::middlebox::watch::Reassembly;
use wirewitness_lab::{Middlebox, Placement};
use wirewitness_model::battery::{Counts, State};
use wirewitness_probe::battery::{Caps, Plan, Test};

use super::{BLOCKED, plan, resetting, run};

fn two_runs(tests: &[Test]) -> Plan {
    let tls_vectors = ["message_len:half", "sni_name_len:zero"].map(str::to_owned).into();
    Plan { runs: 2, tls_vectors, ..plan(tests) }
}

#[test]
fn two_runs_are_counted_apart() {
    let device = || vec![(Placement::OnPath, resetting(Reassembly::Stream))];
    let battery = run(device(), &two_runs(&[Test::Tls, Test::Pieces]));
    let facts = battery.run.as_ref().unwrap();
    assert_eq!((facts.ended.as_deref(), facts.notes.len()), (None, 0), "{facts:?}");
    assert_eq!((battery.tls.len(), battery.pieces.len()), (1, 1));
    let [tls, pieces] = [&battery.tls[0], &battery.pieces[0]];
    for probe in tls.probes.iter().chain(&pieces.probes) {
        assert!(probe.runs.iter().all(|it| it.trials == 20), "{probe:?}");
        assert_eq!(probe.runs.len(), 2, "{}", probe.vector);
        assert_eq!(probe.negative, Some(Counts::new(0, 20)), "of the first run");
    }
    let segments = pieces.probes.iter().find(|it| it.vector == "segments:in_name").unwrap();
    assert_eq!(segments.runs, [Counts::new(20, 20); 2]);
    let empty = tls.probes.iter().find(|it| it.vector == "sni_name_len:zero").unwrap();
    assert_eq!(
        (empty.runs.as_slice(), empty.decided()),
        (&[Counts::new(0, 20); 2][..], State::Bypass)
    );
    // The plain hello stood between: 20, one after each second probe, and once more.
    assert_eq!(tls.controls.positive, Counts::new(23, 23));
}

#[test]
fn a_second_run_goes_as_far_as_connections_last() {
    let device = vec![(Placement::OnPath, resetting(Reassembly::Stream))];
    // The first run takes 124 and the session's start, a second one probe's twenty and no more.
    let caps = Caps::new(Duration::from_secs(1), 155).unwrap();
    let battery = run(device, &Plan { caps, ..two_runs(&[Test::Tls]) });
    let facts = battery.run.unwrap();
    assert_eq!((facts.connections, facts.ended), (155, None));
    assert!(facts.notes[0].contains("ended before its second run"), "{:?}", facts.notes);
    let mut runs: Vec<usize> = battery.tls[0].probes.iter().map(|it| it.runs.len()).collect();
    runs.sort_unstable();
    assert_eq!(runs, [1, 2]);
    assert!(battery.tls[0].probes.iter().flat_map(|it| &it.runs).all(|it| it.trials == 20));
}

#[test]
fn of_the_whole_table_most_rows_have_two_runs() {
    let battery = run(Vec::new(), &Plan { runs: 2, ..plan(&[Test::Tls]) });
    let facts = battery.run.unwrap();
    assert_eq!((facts.connections <= 1_500, facts.ended), (true, None));
    let twice = battery.tls[0].probes.iter().filter(|it| it.runs.len() == 2).count();
    println!("{twice} of 24 rows have two runs, {} connections", facts.connections);
    assert!(twice >= 20, "{twice}");
}

#[test]
fn questions_and_datagrams_have_two_runs_too() {
    let lie = Lie::Addresses(vec!["10.9.8.7".parse().unwrap()]);
    let injector = DnsInjection::new(Names::new([BLOCKED]), lie, AnswerShape::default());
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::OnPath, Box::new(injector))];
    let battery = run(boxes, &two_runs(&[Test::Dns]));
    assert_eq!(battery.run.as_ref().unwrap().ended, None);
    let [dns] = battery.dns.as_slice() else { panic!("{:?}", battery.dns) };
    assert_eq!(dns.probes.len(), 10);
    assert!(dns.probes.iter().all(|it| it.runs.len() == 2), "{:?}", dns.probes);
    let plain = dns.probes.iter().find(|it| it.vector == "pointers:0").unwrap();
    assert_eq!(plain.runs, [Counts::new(20, 20); 2]);
    assert_eq!(dns.controls.positive, Counts::new(40, 40));
    // The first run of `quic` takes nearly all there is: a second of few probes.
    let battery = run(Vec::new(), &two_runs(&[Test::Quic]));
    assert_eq!(battery.run.as_ref().unwrap().ended, None);
    let again = battery.quic[0].probes.iter().filter(|it| it.runs.len() == 2).count();
    assert!(again <= 2 && battery.quic[0].probes.len() == 34, "{again}");
}
