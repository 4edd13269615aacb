//! The records of files, cut into posts. The same file gives the same posts each time, up to where it was added to.

use std::io::Read;
use std::num::NonZeroUsize;

use wirewitness_model::ooni::Measurement;

use super::survey::Survey;
use crate::command_error::CommandError;
use crate::input::Problem;
use crate::input::frame::Records;
use crate::input::sources::Source;

/// Posts, one after the other.
pub(crate) struct Batches<'a> {
    sources: std::slice::Iter<'a, Source>,
    open: Option<(&'a Source, Records<Box<dyn Read>>)>,
    /// A record that the last post had no room for.
    pending: Option<(String, u64)>,
    most_records: usize,
    /// How many records may still be read: what was added to a file since it was told of stays.
    left: u64,
    survey: Survey,
    complaints: Vec<String>,
}

/// One post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The file that its records are of.
    pub(crate) file: String,
    /// The records, each on one line.
    pub(crate) records: Vec<String>,
    /// The line in the file where each begins, from 1.
    pub(crate) lines: Vec<u64>,
}

impl Batch {
    /// Both halves, where it has two.
    pub(crate) fn halves(mut self) -> Option<(Self, Self)> {
        let middle = self.records.len() / 2;
        if middle == 0 {
            return None;
        }
        let records = self.records.split_off(middle);
        let lines = self.lines.split_off(middle);
        let file = self.file.clone();
        Some((self, Self { file, records, lines }))
    }
}

impl<'a> Batches<'a> {
    /// At most so many records in a post, and so many in all.
    pub(crate) fn new(sources: &'a [Source], most_records: NonZeroUsize, left: u64) -> Self {
        Self {
            sources: sources.iter(),
            open: None,
            pending: None,
            most_records: most_records.get(),
            left,
            survey: Survey::default(),
            complaints: Vec::new(),
        }
    }

    /// The next post.
    ///
    /// # Errors
    /// A file cannot be opened. A record that is none is not sent, and told.
    pub(crate) fn next(&mut self) -> Result<Option<Batch>, CommandError> {
        loop {
            if self.open.is_none() {
                let Some(source) = self.sources.next() else { return Ok(None) };
                let unreadable = |error| CommandError::Unreadable {
                    path: source.name().to_owned(),
                    source: error,
                };
                self.open = Some((source, source.open().map_err(unreadable)?));
            }
            let batch = self.of_open();
            if batch.as_ref().is_none_or(|it| it.records.is_empty()) {
                self.open = None;
                continue;
            }
            return Ok(batch);
        }
    }

    /// What was not sent and why, the first of it.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// What was read so far.
    pub(crate) fn into_survey(self) -> Survey {
        self.survey
    }

    fn of_open(&mut self) -> Option<Batch> {
        let (source, records) = self.open.as_mut()?;
        let mut batch =
            Batch { file: source.name().to_owned(), records: Vec::new(), lines: Vec::new() };
        let mut bytes = 0;
        if let Some((record, line)) = self.pending.take() {
            bytes += record.len();
            batch.records.push(record);
            batch.lines.push(line);
        }
        while batch.records.len() < self.most_records && self.left > 0 {
            let Some(next) = records.next() else { break };
            let line_of = next.as_ref().map_or(0, |it| it.line);
            let sendable = next.and_then(|record| {
                let measurement = record.measurement()?;
                if let Some(why) = withheld(&measurement) {
                    let (offset, line) = (record.offset, record.line);
                    return Err(Problem { offset, line, reason: why.to_owned() });
                }
                let text = one_line(record.text);
                self.survey.count(&measurement, text.len());
                Ok(text)
            });
            match sendable {
                Ok(text) => {
                    self.left -= 1;
                    if !batch.records.is_empty() && bytes + text.len() > MOST_BYTES {
                        self.pending = Some((text, line_of));
                        break;
                    }
                    bytes += text.len();
                    batch.records.push(text);
                    batch.lines.push(line_of);
                }
                Err(problem) => {
                    self.survey.withheld += 1;
                    if self.complaints.len() < MOST_COMPLAINTS {
                        self.complaints.push(format!("{}: not sent: {problem}", source.name()));
                    }
                }
            }
        }
        Some(batch)
    }
}

/// Why a measurement must not leave the machine.
fn withheld(measurement: &Measurement<'_>) -> Option<&'static str> {
    let address = measurement.probe_ip.as_str().unwrap_or_default();
    let is_told = !address.is_empty() && address != SCRUBBED && address != "[scrubbed]";
    is_told.then_some("its probe_ip tells the address of who measured")
}

/// JSON has line ends between its tokens only.
fn one_line(record: &str) -> String {
    record.trim().replace(['\n', '\r'], " ")
}

/// Bytes of a post's records, unless one alone has more. A receiver takes eight times as much.
const MOST_BYTES: usize = 4 << 20;
const MOST_COMPLAINTS: usize = 20;
/// What OONI's probes write for "not told".
const SCRUBBED: &str = "127.0.0.1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::sources;

    fn batches(text: &str, most: usize, left: u64) -> (Vec<Batch>, Survey, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.jsonl");
        std::fs::write(&path, text).unwrap();
        let sources = sources::expand(&[path]);
        let mut batches = Batches::new(&sources, NonZeroUsize::new(most).unwrap(), left);
        let mut all = Vec::new();
        while let Some(batch) = batches.next().unwrap() {
            all.push(batch);
        }
        let complaints = batches.complaints().to_vec();
        (all, batches.into_survey(), complaints)
    }

    fn line(number: u64, more: &str) -> String {
        format!(
            "{{\"test_name\":\"web_connectivity\",\"input\":\"https://n{number}.example/\"{more}}}\n"
        )
    }

    #[test]
    fn every_record_is_in_one_post_and_none_in_two() {
        let text: String = (0..7).map(|it| line(it, "")).collect();
        let (all, survey, complaints) = batches(&text, 3, u64::MAX);
        let counts: Vec<usize> = all.iter().map(|it| it.records.len()).collect();
        assert_eq!((counts, survey.measurements, complaints.len()), (vec![3, 3, 1], 7, 0));
        let joined: String =
            all.iter().flat_map(|it| &it.records).map(|it| format!("{it}\n")).collect();
        assert_eq!(joined, text);
        assert_eq!(all[1].lines, [4, 5, 6]);
        assert_eq!(batches(&text, 3, 5).0.iter().map(|it| it.records.len()).sum::<usize>(), 5);
    }

    #[test]
    fn large_records_have_posts_of_their_own() {
        let more = format!(",\"software_name\":\"{}\"", "x".repeat(3 << 20));
        let text: String = (0..3).map(|it| line(it, &more)).collect();
        let (all, survey, _) = batches(&text, 100, u64::MAX);
        assert_eq!(all.iter().map(|it| it.records.len()).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(survey.measurements, 3);
    }

    #[test]
    fn what_tells_an_address_or_is_no_measurement_stays() {
        let text = format!(
            "{}{}{{\"cut\n{}",
            line(0, ""),
            line(1, ",\"probe_ip\":\"203.0.113.7\""),
            line(2, ",\"probe_ip\":\"127.0.0.1\"")
        );
        let (all, survey, complaints) = batches(&text, 100, u64::MAX);
        assert_eq!(all.iter().map(|it| it.records.len()).sum::<usize>(), 2);
        assert_eq!((survey.measurements, survey.withheld), (2, 2), "{complaints:?}");
        assert!(complaints[0].contains("probe_ip") && complaints[0].contains("line 2"));
    }

    #[test]
    fn halves_are_the_whole() {
        let (mut all, ..) = batches(&(0..5).map(|it| line(it, "")).collect::<String>(), 9, 99);
        let whole = all.remove(0);
        let (first, second) = whole.clone().halves().unwrap();
        assert_eq!([first.records, second.records].concat(), whole.records);
        assert_eq!([first.lines, second.lines].concat(), whole.lines);
        let (one, ..) = batches(&line(1, ""), 9, 99);
        assert!(one[0].clone().halves().is_none());
    }
}
