//! `wirewitness inspect`: what was done to the connections in a capture.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::finding::Forged;
use wirewitness_analysis::tamper::{Finding, Wants};

use super::judge::{EXIT_FOUND, load_fingerprints};
use crate::command_error::CommandError;
use crate::input::progress::Progress;
use crate::input::sources::{self, Source};
use crate::inspecting::evidence::{EvidenceFile, Packets, Raw};
use crate::inspecting::groups::{Groups, Telling};
use crate::inspecting::lanes::{Inspected, Inspecting};
use crate::inspecting::table::Table;
use crate::inspecting::words::{self, Severity};
use crate::output::{clean, complain};

/// Inspect captures: what was done to each connection, by what kind of device, and how that is known
///
/// Reads pcap and pcapng, plain or compressed with gzip, xz, zstd or lz4, from files, folders or standard input. Tells forged packets from
/// those of the ends, packets that were dropped on the way, throttling and block pages, each with the packets it stands on.
/// Addresses of clients are cut to their network in all output. Nothing leaves this machine.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Captures and folders of captures; `-` is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// Each observation in words, what else can explain it, and a display filter for Wireshark
    #[arg(long, conflicts_with = "json")]
    explain: bool,
    /// One JSON object a line: flow, dns, quic, injection, drop, throttle, blockpage, summary (docs/json.md)
    #[arg(long)]
    json: bool,
    /// Write just the packets that findings stand on, with comments on them, as pcapng. It holds what these packets carry;
    /// where nothing was found, it is not written
    #[arg(long, value_name = "FILE")]
    write_evidence: Option<PathBuf>,
    /// Show what can betray addresses: those of clients, and IP identification and window of forged packets
    #[arg(long)]
    raw_headers: bool,
    /// Fingerprints of block pages: OONI's CSV, Censored Planet's JSON lines, or a folder of both. They are used beside
    /// the short list that comes with the program
    #[arg(long, value_name = "PATH")]
    fingerprints: Vec<PathBuf>,
    /// Threads beside the one that reads (default: one a core; files up to 64 MiB need none)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Exit with code 3 where anything was found of this kind or worse
    #[arg(long, value_name = "GRADE")]
    fail_on: Option<FailOn>,
}

/// A grade to fail on.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FailOn {
    /// Something that no end and no fault explains
    Injected,
    /// Something that is probably so
    Likely,
}

/// Runs the verb.
pub(crate) fn run(args: &InspectArgs) -> Result<ExitCode, CommandError> {
    let fingerprints = load_fingerprints(&args.fingerprints)?;
    let sources = sources::expand(&args.captures);
    if args.write_evidence.is_some() && sources.iter().any(|source| !source.is_file()) {
        return Err(CommandError::Usage {
            message: "standard input cannot be read a second time for its evidence".to_owned(),
            hint: "write it to a file and inspect that".to_owned(),
        });
    }
    let mut run = Run {
        args,
        fingerprints: &fingerprints,
        out: BufWriter::with_capacity(1 << 16, std::io::stdout().lock()),
        progress: Progress::over(&sources),
        evidence: args.evidence_file(),
        table: Table::default(),
        total: Total { threads: args.threads(), ..Total::default() },
    };
    for (number, source) in sources.iter().enumerate() {
        run.capture(number + 1, source)?;
    }
    run.finish()
}

impl InspectArgs {
    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or_else(cores)
    }

    fn evidence_file(&self) -> Option<EvidenceFile> {
        let raw = if self.raw_headers { Raw::Shown } else { Raw::Hidden };
        self.write_evidence.as_deref().map(|path| EvidenceFile::new(path, raw))
    }
}

/// One run over all captures.
struct Run<'a> {
    args: &'a InspectArgs,
    fingerprints: &'a Fingerprints,
    out: BufWriter<std::io::StdoutLock<'a>>,
    progress: Progress,
    evidence: Option<EvidenceFile>,
    table: Table,
    total: Total,
}

/// Sums over all captures.
#[derive(Debug, Default)]
struct Total {
    threads: usize,
    captures: u64,
    unreadable: u64,
    proven: u64,
    likely: u64,
}

impl Run<'_> {
    fn capture(&mut self, number: usize, source: &Source) -> Result<(), CommandError> {
        let wants = if self.args.json { Wants::Everything } else { Wants::Done };
        let inspecting =
            Inspecting { fingerprints: self.fingerprints, threads: self.total.threads, wants };
        let (mut groups, mut packets, mut failure) = (Groups::default(), Packets::default(), None);
        let wants_evidence = self.evidence.is_some();
        let (out, table, args, progress) =
            (&mut self.out, &mut self.table, self.args, &self.progress);
        let mut used = 0;
        let inspected = inspecting.inspect(
            source,
            &mut |finding| {
                groups.put(&finding);
                table.put(number, &finding);
                if wants_evidence {
                    packets.put(&finding);
                }
                if args.json && failure.is_none() {
                    failure = args.write_line(out, source.name(), &finding).err();
                }
            },
            &mut |offset| {
                progress.advance(offset.saturating_sub(used));
                used = offset;
            },
        );
        if let Some(error) = failure {
            return Err(error.into());
        }
        let inspected = match inspected {
            Ok(inspected) => inspected,
            Err(error) => {
                self.total.unreadable += 1;
                self.say(&format!("{}: cannot be read: {error}\n", clean(source.name(), 300)));
                return Ok(());
            }
        };
        self.progress.advance(source.size().saturating_sub(used));
        self.complain_of(source, &inspected);
        self.total.captures += 1;
        let proven = groups.connections(Severity::Proven);
        self.total.proven += proven;
        self.total.likely += groups.connections(Severity::Likely) - proven;
        if let Some(evidence) = &mut self.evidence {
            evidence.write((number, source), &packets)?;
            if packets.left_out > 0 {
                self.say(&format!(
                    "{}: {} packets of evidence are not written: too many\n",
                    clean(source.name(), 300),
                    packets.left_out
                ));
            }
        }
        self.tell(source, &inspected, &groups)
    }

    fn tell(
        &mut self,
        source: &Source,
        inspected: &Inspected,
        groups: &Groups,
    ) -> Result<(), CommandError> {
        if self.args.json {
            let line = summary(source.name(), inspected, groups);
            writeln!(self.out, "{line}")?;
            return Ok(());
        }
        let telling = if self.args.explain { Telling::Explained } else { Telling::Plain };
        let words = groups.words(telling);
        writeln!(self.out, "{}: {}", clean(source.name(), 300), contents(inspected))?;
        if words.is_empty() {
            writeln!(self.out, "  nothing was found that is not the ends' own doing")?;
        }
        self.out.write_all(words.as_bytes())?;
        writeln!(self.out)?;
        Ok(())
    }

    /// What could not be said of a capture.
    fn complain_of(&mut self, source: &Source, inspected: &Inspected) {
        let name = clean(source.name(), 300);
        for damage in &inspected.told.damage {
            self.say(&format!("{name}: {damage}\n"));
        }
        let more = inspected.told.damages - inspected.told.damage.len() as u64;
        if more > 0 {
            self.say(&format!("{name}: {more} more places are damaged\n"));
        }
        if let Some(error) = &inspected.told.failure {
            self.say(&format!(
                "{name}: byte {}: cannot be read on: {error}\n",
                inspected.told.bytes
            ));
        }
        if let Some(link) = inspected.unknown_link {
            self.say(&format!("{name}: packets of link type {} are not read\n", link.0));
        }
        if inspected.packets == 0 {
            self.total.unreadable += 1;
            self.say(&format!("{name}: holds no packet that could be read\n"));
        }
    }

    fn say(&self, text: &str) {
        self.progress.suspend(|| complain(text));
    }

    fn finish(mut self) -> Result<ExitCode, CommandError> {
        if !self.args.json && self.total.captures > 1 {
            self.out.write_all(self.table.words().as_bytes())?;
        }
        self.out.flush()?;
        if let Some(evidence) = self.evidence.take()
            && !evidence.finish()?
        {
            self.say("no evidence is written: nothing was found for it to stand on\n");
        }
        self.progress.finish();
        let found = match self.args.fail_on {
            Some(FailOn::Injected) => self.total.proven > 0,
            Some(FailOn::Likely) => self.total.proven + self.total.likely > 0,
            None => false,
        };
        Ok(match (found, self.total.unreadable > 0) {
            (true, _) => ExitCode::from(EXIT_FOUND),
            (_, true) => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        })
    }
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<RawHeaders>,
}

/// What `--raw-headers` adds.
#[derive(Serialize)]
struct RawHeaders {
    client: std::net::IpAddr,
    forged: Vec<serde_json::Value>,
}

impl InspectArgs {
    fn write_line(
        &self,
        out: &mut impl Write,
        file: &str,
        finding: &Finding,
    ) -> std::io::Result<()> {
        let common = words::common(finding);
        let raw = match (self.raw_headers, &common) {
            (true, Some(common)) => {
                let forged: &[Forged] =
                    if let Finding::Injection(it) = finding { &it.forged } else { &[] };
                Some(RawHeaders {
                    client: common.connection.client.ip(),
                    forged: forged.iter().map(forged_json).collect(),
                })
            }
            _ => None,
        };
        let filter = common.map(|common| words::display_filter(common.packets));
        serde_json::to_writer(&mut *out, &Line { finding, file, filter, raw })?;
        out.write_all(b"\n")
    }
}

fn forged_json(forged: &Forged) -> serde_json::Value {
    json!({ "packet": forged.packet, "ttl": forged.ttl, "identification": forged.identification, "window": forged.window,
        "flags": forged.flags, "seq": forged.seq, "ack": forged.ack })
}

fn summary(file: &str, inspected: &Inspected, groups: &Groups) -> serde_json::Value {
    let proven = groups.connections(Severity::Proven);
    json!({
        "type": "summary",
        "file": file,
        "packets": inspected.packets,
        "bytes": inspected.told.bytes,
        "first_ns": inspected.span_ns.map(|it| it.0),
        "last_ns": inspected.span_ns.map(|it| it.1),
        "not_ip": inspected.not_ip,
        "unreadable": inspected.unreadable,
        "snapped": inspected.snapped,
        "damage": inspected.told.damages,
        "counters": inspected.counters,
        "proven": proven,
        "likely": groups.connections(Severity::Likely) - proven,
    })
}

/// What a capture holds, in a line.
fn contents(inspected: &Inspected) -> String {
    let counters = &inspected.counters;
    let mut words = vec![
        format!("{} packets", inspected.packets),
        format!("{} TCP connections", counters.tcp_flows),
    ];
    for (n, what) in [
        (counters.dns_questions, "DNS questions"),
        (counters.quic_flows, "QUIC connections"),
        (inspected.snapped, "packets cut short"),
        (inspected.unreadable + counters.malformed, "packets with headers that cannot be read"),
        (inspected.not_ip, "packets without IP"),
        (counters.backwards, "steps back in time"),
        (counters.evicted, "connections told early for want of room"),
        (counters.unread, "connections whose data was not read for want of memory"),
    ] {
        if n > 0 {
            words.push(format!("{n} {what}"));
        }
    }
    if let Some((first, last)) = inspected.span_ns {
        words.push(format!("{:.1} s", (last - first) as f64 / 1e9));
    }
    words.join(", ")
}
