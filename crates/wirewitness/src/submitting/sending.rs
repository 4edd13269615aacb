//! One post after the other. Where the network or the receiver fails for the moment it is tried again, after a pause that doubles, a few times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use wirewitness_net::Clock as _;
use wirewitness_probe::Trust;
use wirewitness_probe::clock::within;
use wirewitness_probe::http::Asking;
use wirewitness_probe::kernel::KernelNet;
use wirewitness_probe::service::Services;

use super::answer::{Said, Taken};
use super::batches::{Batch, Batches};
use super::receiver::Receiver;
use crate::command_error::CommandError;
use crate::input::authorities;
use crate::output::{clean, complain};

/// How to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Records in a post, at most.
    pub(crate) batch: NonZeroUsize,
    /// How often one post is tried.
    pub(crate) tries: NonZeroU32,
    /// How long one try may take.
    pub(crate) timeout: Duration,
}

/// Records in a post: half of what a receiver takes.
pub(crate) const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(499);
/// Pauses of 1, 2, 4 and 8 seconds.
pub(crate) const TRIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
/// 4 MiB of measurements, packed, over a slow line.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);

impl Default for Settings {
    fn default() -> Self {
        Self { batch: BATCH, tries: TRIES, timeout: TIMEOUT }
    }
}

/// What came of it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Outcome {
    /// Records that are kept.
    pub(crate) accepted: u64,
    /// Records that somebody will look at.
    pub(crate) quarantined: u64,
    /// Records that are not taken.
    pub(crate) refused: u64,
    /// Records of which nobody said anything.
    pub(crate) unsent: u64,
    /// Why records are in quarantine or refused, the first few.
    pub(crate) problems: Vec<String>,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

impl Outcome {
    /// Records that the receiver has dealt with.
    pub(crate) fn answered(&self) -> u64 {
        self.accepted + self.quarantined + self.refused
    }

    /// For a person.
    pub(crate) fn words(&self) -> String {
        let Self { accepted, quarantined, refused, unsent, .. } = self;
        let mut text = String::new();
        for problem in &self.problems {
            let _ = writeln!(text, "{problem}");
        }
        let _ = writeln!(
            text,
            "submitted: {accepted} accepted, {quarantined} in quarantine, {refused} refused, {unsent} not sent"
        );
        if let Some(why) = &self.why {
            let _ = writeln!(text, "ended early: {why}");
        }
        text
    }

    fn take(&mut self, taken: Taken) {
        self.accepted += taken.accepted;
        self.quarantined += taken.quarantined;
        self.refused += taken.refused;
        let room = MOST_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(taken.problems.into_iter().take(room));
    }
}

/// Sends to one receiver.
pub(crate) struct Sending<'a> {
    net: KernelNet,
    services: Services<KernelNet>,
    receiver: &'a Receiver,
    settings: Settings,
    outcome: Outcome,
}

impl<'a> Sending<'a> {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn new(receiver: &'a Receiver, settings: Settings) -> Result<Self, CommandError> {
        let net = KernelNet::new();
        let trust = Trust::new(authorities::read(receiver.authorities())?, &net)?;
        let mut known = BTreeMap::new();
        if receiver.is_localhost() {
            let here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            known.insert("localhost".to_owned(), here.to_vec());
        }
        let services = Services::new(net.clone(), trust, known);
        Ok(Self { net, services, receiver, settings, outcome: Outcome::default() })
    }

    /// Sends all posts, or as many as can be.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) async fn all(&mut self, mut batches: Batches<'_>) -> Result<(), CommandError> {
        while let Some(batch) = batches.next()? {
            // A post that is too large becomes two.
            let mut parts = vec![batch];
            while let Some(part) = parts.pop() {
                match self.one(&part).await? {
                    Said::Taken(taken) => self.outcome.take(taken),
                    Said::TooLarge(why) => match part.clone().halves() {
                        Some((first, second)) => parts.extend([second, first]),
                        None => self.refused(&part, &why),
                    },
                    Said::Refused(why) => self.refused(&part, &why),
                    Said::Later(why, _) | Said::Never(why) => {
                        self.outcome.why = Some(why);
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What came of it so far.
    pub(crate) fn into_outcome(self) -> Outcome {
        self.outcome
    }

    fn refused(&mut self, part: &Batch, why: &str) {
        let (first, last) = (part.lines.first().copied(), part.lines.last().copied());
        let [first, last] = [first, last].map(Option::unwrap_or_default);
        let file = clean(&part.file, 200);
        self.outcome.take(Taken {
            refused: part.records.len() as u64,
            problems: vec![format!("{file} lines {first} to {last}: {why}")],
            ..Taken::default()
        });
    }

    /// One post, tried as often as may be. What is said last counts.
    async fn one(&self, batch: &Batch) -> Result<Said, CommandError> {
        let asking = self.asking(batch)?;
        let tries = self.settings.tries.get();
        let mut attempt = 1;
        loop {
            let said = self.attempt(&asking, batch).await;
            let Said::Later(why, after) = &said else { return Ok(said) };
            if attempt >= tries {
                return Ok(Said::Later(format!("{why}, {attempt} times"), None));
            }
            if let Some(after) = after.filter(|it| *it > LONGEST_PAUSE) {
                let secs = after.as_secs();
                return Ok(Said::Never(format!("{why}; it asks to come back in {secs} s")));
            }
            let pause = self.pause(attempt).max(after.unwrap_or_default());
            attempt += 1;
            let secs = pause.as_secs_f64();
            complain(&format!("{why}; again in {secs:.1} s (try {attempt} of {tries})\n"));
            self.net.sleep(pause).await;
        }
    }

    async fn attempt(&self, asking: &Asking, batch: &Batch) -> Said {
        let now = self.net.now().wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        match within(&self.net, self.settings.timeout, self.services.ask(asking)).await {
            Some(Ok(came)) => Said::of(&came, batch, now),
            // A certificate that is not trusted is not trusted the next time either.
            Some(Err(word)) if word.starts_with("ssl_") => {
                Said::Never(format!("no trusted connection: {}", clean(&word, 200)))
            }
            Some(Err(word)) => Said::Later(format!("no answer: {}", clean(&word, 200)), None),
            None => {
                let secs = self.settings.timeout.as_secs();
                Said::Later(format!("no answer within {secs} s"), None)
            }
        }
    }

    /// Doubles, with up to half of it more by chance, so that many senders do not come back at once.
    fn pause(&self, attempt: u32) -> Duration {
        let base = FIRST_PAUSE * 2_u32.saturating_pow(attempt.saturating_sub(1).min(6));
        let mut byte = [0];
        // Without randomness the pause is as long as it is.
        let _ = aws_lc_rs::rand::fill(&mut byte);
        base.min(LONGEST_PAUSE / 2) * (512 + u32::from(byte[0])) / 512
    }

    fn asking(&self, batch: &Batch) -> std::io::Result<Asking> {
        let level = flate2::Compression::default();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), level);
        for record in &batch.records {
            packed.write_all(record.as_bytes())?;
            packed.write_all(b"\n")?;
        }
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/x-ndjson".to_owned()),
            ("Content-Encoding".to_owned(), "gzip".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
        ];
        if let Some(token) = self.receiver.token() {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        Ok(Asking {
            method: "POST",
            url: self.receiver.url().clone(),
            headers,
            body: packed.finish()?,
            body_cap: MOST_ANSWER_BYTES,
        })
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Who asks for more patience is asked another day.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Twenty problems, and much room.
const MOST_ANSWER_BYTES: usize = 64 << 10;
const MOST_PROBLEMS: usize = 20;
