//! tmp
use wirewitness_analysis::{
    fingerprints::Fingerprints,
    judge::{Context, judge},
};
use wirewitness_model::ooni::Measurement;
fn main() {
    let f = Fingerprints::shipped();
    for p in std::env::args().skip(1) {
        let t = std::fs::read_to_string(&p).unwrap();
        match Measurement::from_json(&t) {
            Err(e) => println!("{p}: ERR {e}"),
            Ok(m) => {
                let j = judge(&m, &Context::new(&f));
                let v = j.verdict;
                println!(
                    "{} | {} {} | {} {:?} {:?} {} {}\n    {:?}\n   ct {:?}",
                    p.rsplit('/').next().unwrap(),
                    m.test_name.or_empty(),
                    m.input().unwrap_or_default(),
                    v.status,
                    v.mechanism.map(|m| m.word()),
                    v.locus.map(|l| l.word()),
                    v.rule,
                    v.confidence,
                    v.evidence
                        .iter()
                        .map(|e| format!(
                            "{} {}: {} / {}",
                            e.at,
                            e.outcome,
                            e.seen,
                            e.expected.clone().unwrap_or_default()
                        ))
                        .collect::<Vec<_>>(),
                    v.cannot_tell
                );
            }
        }
    }
}
