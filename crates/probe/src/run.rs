//! Many targets: so many at a time, each when the pace allows it, once or again and again.
//!
//! What is measured, and how, is the caller's: the same loop serves the lab, where everything happens in one task and in
//! virtual time, and the kernel, where each target may run on a thread of its own ([`apart`]). Targets are drawn from
//! their list one by one, and never more of them are held than are being measured, so that a list may be of any length.
//!
//! In the lab the order of results is a function of scenario and seed: nothing here draws lots.

use std::future::Future;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinSet;
use wirewitness_net::Clock;

use crate::pace::Pace;

/// How to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Targets measured at the same time, at most.
    pub concurrency: NonZeroUsize,
    /// How often the whole list is measured.
    pub times: NonZeroU32,
    /// From the beginning of one round to that of the next; at once where the round took longer.
    pub every: Duration,
}

impl Plan {
    /// Once, `concurrency` at a time.
    pub fn once(concurrency: NonZeroUsize) -> Self {
        Self { concurrency, times: NonZeroU32::MIN, every: Duration::ZERO }
    }
}

/// What came of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done<M> {
    /// The round, from 1.
    pub round: u32,
    /// What measuring gave.
    pub measured: M,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All rounds are through.
    Complete,
    /// The caller stopped it. What was being measured is given up: half a measurement would tell a falsehood.
    Stopped {
        /// Targets given up.
        given_up: usize,
    },
}

/// Measures lists of targets.
#[derive(Debug)]
pub struct Runner<'a, C, S> {
    pace: &'a Pace<C>,
    clock: C,
    plan: Plan,
    stop: Pin<Box<S>>,
}

impl<'a, C: Clock, S: Future<Output = ()>> Runner<'a, C, S> {
    /// A runner by `clock`, at `pace`, until `stop` is ready.
    pub fn new((clock, pace): (C, &'a Pace<C>), plan: Plan, stop: S) -> Self {
        Self { pace, clock, plan, stop: Box::pin(stop) }
    }

    /// Measures every target that `targets` gives for each round. What is done goes to `sink` in the order in which it
    /// gets done, one at a time; no other is measured meanwhile unless [`apart`].
    ///
    /// # Errors
    /// That of `sink`, which ends the run.
    pub async fn run<I, M, F, E>(
        mut self,
        mut targets: impl FnMut(u32) -> I,
        mut measure: impl FnMut(I::Item) -> F,
        mut sink: impl AsyncFnMut(Done<M>) -> Result<(), E>,
    ) -> Result<End, E>
    where
        I: Iterator,
        F: Future<Output = M>,
    {
        let mut next_round_at = self.clock.now().elapsed;
        for round in 1..=self.plan.times.get() {
            if self.stops_before(next_round_at).await {
                return Ok(End::Stopped { given_up: 0 });
            }
            next_round_at = self.clock.now().elapsed + self.plan.every;
            let mut sink = async |measured| sink(Done { round, measured }).await;
            let end = self.round(targets(round), &mut measure, &mut sink).await?;
            if end != End::Complete {
                return Ok(end);
            }
        }
        Ok(End::Complete)
    }

    /// Waits until `moment`; true if the run is stopped meanwhile.
    async fn stops_before(&mut self, moment: Duration) -> bool {
        let early = moment.saturating_sub(self.clock.now().elapsed);
        let wait = async {
            if !early.is_zero() {
                self.clock.sleep(early).await;
            }
        };
        tokio::select! {
            biased;
            () = &mut self.stop => true,
            () = wait => false,
        }
    }

    async fn round<T, M, F, E>(
        &mut self,
        mut targets: impl Iterator<Item = T>,
        measure: &mut impl FnMut(T) -> F,
        sink: &mut impl AsyncFnMut(M) -> Result<(), E>,
    ) -> Result<End, E>
    where
        F: Future<Output = M>,
    {
        let mut going_on = FuturesUnordered::new();
        let mut next = targets.next();
        while next.is_some() || !going_on.is_empty() {
            let may_start = next.is_some() && going_on.len() < self.plan.concurrency.get();
            // Dropped and asked for again when something else comes first: a turn is taken only once it has come.
            let turn = self.pace.target();
            tokio::select! {
                biased;
                () = &mut self.stop => {
                    while let Some(measured) = ready(&mut going_on).await {
                        sink(measured).await?;
                    }
                    return Ok(End::Stopped { given_up: going_on.len() });
                }
                Some(measured) = going_on.next(), if !going_on.is_empty() => sink(measured).await?,
                () = turn, if may_start => {
                    if let Some(target) = next.take() {
                        going_on.push(measure(target));
                    }
                    next = targets.next();
                }
            }
        }
        Ok(End::Complete)
    }
}

/// What is done already; none where one would have to wait for it.
async fn ready<F: Future>(going_on: &mut FuturesUnordered<F>) -> Option<F::Output> {
    let mut next = pin!(going_on.next());
    std::future::poll_fn(|context| match next.as_mut().poll(context) {
        Poll::Ready(measured) => Poll::Ready(measured),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A measurement that was lost to a fault of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a measurement broke off: {reason}")]
pub struct Lost {
    /// What the runtime says of it.
    pub reason: String,
}

/// Lets a measurement run in a task of its own, on whatever thread the runtime has free. Dropping this ends it.
///
/// # Errors
/// The task broke.
pub async fn apart<M>(measurement: impl Future<Output = M> + Send + 'static) -> Result<M, Lost>
where
    M: Send + 'static,
{
    let mut task = JoinSet::new();
    task.spawn(measurement);
    match task.join_next().await {
        Some(Ok(measured)) => Ok(measured),
        Some(Err(error)) => Err(Lost { reason: error.to_string() }),
        None => Err(Lost { reason: "no task".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::TargetRate;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;
    use wirewitness_net::Moment;

    /// Tokio's paused clock.
    #[derive(Clone)]
    struct Paused(tokio::time::Instant);

    impl Clock for Paused {
        fn now(&self) -> Moment {
            Moment { elapsed: self.0.elapsed(), wall: SystemTime::UNIX_EPOCH }
        }

        async fn sleep(&self, duration: Duration) {
            tokio::time::sleep(duration).await;
        }
    }

    fn clock() -> Paused {
        Paused(tokio::time::Instant::now())
    }

    fn plan(concurrency: usize) -> Plan {
        Plan::once(NonZeroUsize::new(concurrency).unwrap())
    }

    async fn wait(millis: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        millis
    }

    async fn all<S: Future<Output = ()>>(
        runner: Runner<'_, Paused, S>,
        targets: &[u64],
    ) -> (Vec<(u32, u64)>, End) {
        let mut done = Vec::new();
        let sink = async |it: Done<u64>| {
            done.push((it.round, it.measured));
            Ok::<_, Infallible>(())
        };
        let Ok(end) = runner.run(|_| targets.iter().copied(), wait, sink).await;
        (done, end)
    }

    #[tokio::test(start_paused = true)]
    async fn results_come_as_they_get_done() {
        let pace = Pace::unlimited(clock());
        let runner = Runner::new((clock(), &pace), plan(2), std::future::pending());
        let (done, end) = all(runner, &[50, 20, 10, 30]).await;
        // 50 and 20 begin; 10 takes the place of 20 and ends at 30; 30 that of 10 and ends at 60.
        assert_eq!(done, [(1, 20), (1, 10), (1, 50), (1, 30)]);
        assert_eq!(end, End::Complete);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_list_is_never_held() {
        let pace = Pace::unlimited(clock());
        let (drawn, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let targets = |_| {
            (0..20_000_usize).inspect(|_| {
                let drawn = drawn.fetch_add(1, Ordering::Relaxed) + 1;
                // One more than are measured is drawn in advance.
                assert!(drawn - done.load(Ordering::Relaxed) <= 8 + 1);
            })
        };
        let measure = |it: usize| wait(it as u64 % 7);
        let sink = async |_| {
            done.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(())
        };
        let runner = Runner::new((clock(), &pace), plan(8), std::future::pending());
        assert_eq!(runner.run(targets, measure, sink).await, Ok(End::Complete));
        assert_eq!(done.into_inner(), 20_000);
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_begin_when_they_should_and_the_pace_is_kept() {
        let clock = clock();
        let pace = Pace::new(clock.clone(), TargetRate::new(10).unwrap());
        let plan =
            Plan { times: NonZeroU32::new(3).unwrap(), every: Duration::from_secs(60), ..plan(50) };
        let mut begun = Vec::new();
        let measure = |_| {
            begun.push(clock.now().elapsed.as_millis());
            wait(5)
        };
        let runner = Runner::new((clock.clone(), &pace), plan, std::future::pending());
        let sink = async |_| Ok::<_, Infallible>(());
        let Ok(end) = runner.run(|_| [0, 0, 0].into_iter(), measure, sink).await;
        assert_eq!(end, End::Complete);
        let second = |from: u128| [from, from + 100, from + 200];
        assert_eq!(begun, [second(0), second(60_000), second(120_000)].concat());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_gives_what_is_done_and_begins_nothing() {
        let pace = Pace::unlimited(clock());
        let stop = tokio::time::sleep(Duration::from_millis(25));
        let runner = Runner::new((clock(), &pace), plan(2), stop);
        let (done, end) = all(runner, &[50, 20, 10, 30]).await;
        assert_eq!((done, end), (vec![(1, 20)], End::Stopped { given_up: 2 }));
        // What is done at the very moment of the stop is not lost.
        let stop = tokio::time::sleep(Duration::from_millis(20));
        let runner = Runner::new((clock(), &pace), plan(2), stop);
        let (done, end) = all(runner, &[50, 20, 10, 30]).await;
        assert_eq!((done, end), (vec![(1, 20)], End::Stopped { given_up: 1 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_fails_ends_the_run() {
        let pace = Pace::unlimited(clock());
        let runner = Runner::new((clock(), &pace), plan(1), std::future::pending());
        let sink = async |it: Done<u64>| if it.measured == 2 { Err("full") } else { Ok(()) };
        assert_eq!(runner.run(|_| [1, 2, 3].into_iter(), wait, sink).await, Err("full"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_that_breaks_is_one_measurement_lost() {
        assert_eq!(apart(async { 7 }).await, Ok(7));
        let lost = apart(async { assert!(std::hint::black_box(false), "on purpose") }).await;
        assert!(lost.unwrap_err().to_string().contains("broke off"));
    }

    #[tokio::test]
    async fn giving_up_ends_the_task() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let task = apart(async move {
            let _held = sender;
            std::future::pending::<()>().await;
        });
        tokio::select! {
            biased;
            _ = task => unreachable!("it waits for ever"),
            () = tokio::task::yield_now() => {}
        }
        assert!(receiver.await.is_err());
    }
}
