//! Counts by target, network, layer, mechanism and time: what a table or a chart of a series shows.

use serde::Serialize;
use wirewitness_model::point::Point;
use wirewitness_model::verdict::{Mechanism, Status};

use super::layer::Layer;
use super::report::Country;

/// What was measured of one target in one network within one bucket of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The target's number.
    pub target: u32,
    /// The network's country.
    pub country: Country,
    /// The network (AS).
    pub asn: u32,
    /// Start of the bucket, seconds since 1970.
    pub start_s: i64,
    /// What can be said of it: `insufficient` where no measurement carries an answer.
    pub state: Status,
    /// Measurements that could use it.
    pub ok: u32,
    /// Measurements that could not, and that was its own doing.
    pub down: u32,
    /// Measurements without an answer.
    pub insufficient: u32,
    /// Blocked measurements by layer and mechanism.
    pub blocked: Vec<(Layer, Option<Mechanism>, u32)>,
    /// Vantages that measured, at most 1024.
    pub vantages: u16,
}

/// Makes buckets of points that come sorted as by [`super::sort`].
#[derive(Debug)]
pub struct Series {
    bucket_s: i64,
    open: Option<(Bucket, Vec<u64>)>,
}

impl Series {
    /// Buckets of so many seconds, at least 1.
    pub fn new(bucket_s: i64) -> Self {
        Self { bucket_s: bucket_s.max(1), open: None }
    }

    /// Adds a point. Gives the bucket before it, where this point is not of it. Buckets without points are not given: they are
    /// `insufficient`.
    pub fn add(&mut self, point: &Point) -> Option<Bucket> {
        let start_s = point.at_s.div_euclid(self.bucket_s) * self.bucket_s;
        let (target, country, asn) =
            (point.target, Country(point.network.country), point.network.asn);
        let same = |bucket: &Bucket| {
            (bucket.target, bucket.country, bucket.asn, bucket.start_s)
                == (target, country, asn, start_s)
        };
        let done = if self.open.as_ref().is_some_and(|(bucket, _)| same(bucket)) {
            None
        } else {
            self.finish()
        };
        let (bucket, vantages) = self.open.get_or_insert_with(|| {
            let bucket = Bucket {
                target,
                country,
                asn,
                start_s,
                state: Status::Insufficient,
                ok: 0,
                down: 0,
                insufficient: 0,
                blocked: Vec::new(),
                vantages: 0,
            };
            (bucket, Vec::new())
        });
        bucket.count(point);
        if vantages.len() < MOST_VANTAGES && !vantages.contains(&point.vantage) {
            vantages.push(point.vantage);
        }
        done
    }

    /// The last bucket.
    pub fn finish(&mut self) -> Option<Bucket> {
        let (mut bucket, vantages) = self.open.take()?;
        let blocked: u32 = bucket.blocked.iter().map(|(_, _, n)| n).sum();
        bucket.state = match (bucket.ok, blocked, bucket.down) {
            (0, 0, 0) => Status::Insufficient,
            (ok, blocked, down) if blocked > 0 && blocked >= ok + down => Status::Blocked,
            (ok, _, down) if down > ok => Status::Down,
            _ => Status::Ok,
        };
        bucket.blocked.sort_unstable_by_key(|(layer, mechanism, _)| (*layer, *mechanism));
        bucket.vantages = vantages.len() as u16;
        Some(bucket)
    }
}

impl Bucket {
    fn count(&mut self, point: &Point) {
        match point.status {
            Status::Ok => self.ok += 1,
            Status::Down => self.down += 1,
            Status::Insufficient => self.insufficient += 1,
            Status::Blocked => {
                let known =
                    self.blocked.iter_mut().find(|(_, mechanism, _)| *mechanism == point.mechanism);
                match known {
                    Some((_, _, n)) => *n += 1,
                    None => self.blocked.push((Layer::of(point.mechanism), point.mechanism, 1)),
                }
            }
        }
    }
}

/// Vantages of one bucket that are told apart.
const MOST_VANTAGES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::super::unit::tests::point;
    use super::*;

    #[test]
    fn a_bucket_says_what_it_does_not_know() {
        let mut series = Series::new(3_600);
        assert_eq!(series.add(&point(10, 1, Status::Insufficient)), None);
        let empty = series.add(&point(3_700, 1, Status::Blocked)).unwrap();
        assert_eq!((empty.state, empty.insufficient, empty.vantages), (Status::Insufficient, 1, 1));
        assert_eq!(series.add(&point(3_800, 2, Status::Ok)), None);
        let full = series.finish().unwrap();
        assert_eq!(
            (full.start_s, full.state, full.ok, full.vantages),
            (3_600, Status::Blocked, 1, 2)
        );
        assert_eq!(full.blocked, [(Layer::Tls, Some(Mechanism::TlsResetSni), 1)]);
        assert_eq!(series.finish(), None);
    }
}
