//! `wirewitness exposure`: what an operator-level interceptor can read of this device.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use wirewitness_analysis::exposure::compare::compare;
use wirewitness_analysis::exposure::mask::Values;
use wirewitness_analysis::exposure::{Audit, Refusal, Report, Settings, Whose};
use wirewitness_report::exposure::{Told, lines, page, text};
use wirewitness_wire::link::{Carried, innermost};

use crate::command_error::CommandError;
use crate::input::captures::{Capture, Go};
use crate::input::sources::{self, Source};
use crate::output::{clean, complain};

/// Show what an operator-level interceptor can read of your own device
///
/// Reads a capture of one device, with the consent of the person whose it is, and tells for 22 channels what is readable, how much it
/// matters, how often, and what would close it. It shows what can be read, not that anyone reads: interception itself cannot be
/// detected. A capture of more than one device is refused unless all are yours, one of more than four always. Values are masked,
/// and those of the people you write to or call always are. Nothing leaves this machine, and nothing is kept.
#[derive(Debug, Args)]
pub(crate) struct ExposureArgs {
    /// The capture: pcap or pcapng, plain or compressed; `-` is standard input
    #[arg(value_name = "CAPTURE")]
    capture: PathBuf,
    /// A second capture, taken after something was changed: both are compared, by counts alone
    #[arg(long, value_name = "CAPTURE")]
    after: Option<PathBuf>,
    /// Write the whole as one page, which needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// One JSON object a line: exposure, exposure_hour, exposure_tunnel, exposure_change, summary (docs/exposure.md)
    #[arg(long)]
    json: bool,
    /// Show your own values as they are. Those of correspondents stay masked; passwords and cookies are never kept
    #[arg(long)]
    show_values: bool,
    /// All devices in the capture are yours, up to four
    #[arg(long)]
    these_devices_are_mine: bool,
    /// An address that is your device's, where the capture does not show it
    #[arg(long, value_name = "ADDR")]
    device: Vec<IpAddr>,
}

/// Runs the verb.
pub(crate) fn run(args: &ExposureArgs) -> Result<ExitCode, CommandError> {
    let settings = args.settings()?;
    let first = audit(&args.capture, &settings)?;
    let second = args.after.as_deref().map(|path| audit(path, &settings)).transpose()?;
    let comparison = second.as_ref().map(|second| compare(&first, second));
    let shown = args.after.as_ref().unwrap_or(&args.capture);
    let file =
        shown.file_name().map_or_else(|| "-".to_owned(), |it| clean(&it.to_string_lossy(), 100));
    let told = Told {
        report: second.as_ref().unwrap_or(&first),
        comparison: comparison.as_ref(),
        file: &file,
        shows_values: args.show_values,
    };
    if let Some(path) = &args.html {
        std::fs::write(path, page(&told))?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        for line in lines(&told) {
            writeln!(out, "{line}")?;
        }
    } else if let Some(path) = &args.html {
        writeln!(out, "written: {}", path.display())?;
    } else {
        out.write_all(text(&told).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl ExposureArgs {
    fn settings(&self) -> Result<Settings, CommandError> {
        let mut salt = [0; 32];
        rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut salt).map_err(
            |_| CommandError::Measuring {
                message: "there is no randomness to mask values with".to_owned(),
                hint: "try again when the system has started up".to_owned(),
            },
        )?;
        Ok(Settings {
            salt,
            values: if self.show_values { Values::Shown } else { Values::Masked },
            devices: if self.these_devices_are_mine { Whose::AllMine } else { Whose::One },
            named: self.device.clone(),
        })
    }
}

fn audit(path: &Path, settings: &Settings) -> Result<Report, CommandError> {
    let name = || clean(&path.display().to_string(), 300);
    let sources = sources::expand(&[path.to_owned()]);
    let [source]: &[Source; 1] =
        sources.as_slice().try_into().map_err(|_| CommandError::Usage {
            message: format!("{}: not one capture", name()),
            hint: "an audit reads one capture, or two with --after; captures are never joined"
                .to_owned(),
        })?;
    let unreadable = |source| CommandError::Unreadable { path: name(), source };
    let mut capture = Capture::open(source).map_err(unreadable)?;
    let mut audit = Audit::new(settings.clone());
    let told = capture.packets(|record| {
        if let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) {
            audit.packet(record, &packet);
        }
        Go::On
    });
    for damage in told.damage.iter().take(3) {
        complain(&format!("{}: {damage}\n", name()));
    }
    if let Some(source) = told.failure {
        return Err(unreadable(source));
    }
    audit.finish().map_err(|refusal| CommandError::BadFile {
        path: name(),
        message: refusal.to_string(),
        hint: hint(refusal).to_owned(),
    })
}

fn hint(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoDevice => {
            "is it a capture (pcap, pcapng) of a device's internet connection? --device ADDR says which address is yours"
        }
        Refusal::Several(_) => {
            "if all of them are yours, say --these-devices-are-mine; else capture on your own device (docs/howto)"
        }
        Refusal::Many | Refusal::Server => {
            "capture on your own device (docs/howto/capture-your-own-device.md)"
        }
    }
}
