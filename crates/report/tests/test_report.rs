//! Reports: harmless and bounded whatever is in the archive, the same each time, and readable.

use base64::Engine as _;
use wirewitness_evidence::merkle::sha256;
use wirewitness_model::case::{
    Case, Event, Listed, Measured, Mechanism, Network, Question, Rule, Tally, Target,
};
use wirewitness_report::case::{Told, page};
use wirewitness_report::words::Language;

/// What somebody who wishes harm would call a site, a network or a page.
const HOSTILE: &str = "</td><script>alert(1)</script>\"'&\u{202e}moc.elgoog\u{2066}\u{1b}[31m\u{7}\u{0}\u{200f}\u{85}\u{feff}<img src=x onerror=alert(2)>";

fn tally() -> Tally {
    Tally { ok: 11, down: 2, blocked: 4321, insufficient: 7, vantages: 5, networks: 3, targets: 2 }
}

/// A case with this text wherever an archive could have put it.
fn case(text: &str) -> Case {
    let text = text.to_owned();
    let listed = |all| Listed { rows: vec![text.clone()], all };
    let event = Event {
        statement: text.clone(),
        kind: text.clone(),
        certainty: text.clone(),
        country: text.clone(),
        confidence: text.clone(),
        mechanisms: vec![text.clone()],
        targets: listed(40),
        networks: Listed { rows: vec![17_557], all: 9 },
        started_s: 1_700_000_000,
        ..Event::default()
    };
    let measured = Measured {
        id: text.clone(),
        target: text.clone(),
        country: text.clone(),
        status: text.clone(),
        mechanism: Some(text.clone()),
        confidence: text.clone(),
        rule: text.clone(),
        day: 20_000,
        asn: None,
    };
    let network = Network {
        country: text.clone(),
        asn: Some(17_557),
        name: Some(text.clone()),
        tally: tally(),
        ..Network::default()
    };
    let mechanism =
        Mechanism { word: text.clone(), status: "blocked".to_owned(), ..Mechanism::default() };
    Case {
        question: Question {
            text: Some(text.clone()),
            name: Some(text.clone()),
            country: Some(text.clone()),
            ..Question::default()
        },
        commit: 3,
        total: tally(),
        days: Some((20_000, 20_100)),
        origins: vec![(text.clone(), 1)],
        timeline: vec![(20_000, tally()), (20_100, Tally { ok: 1, ..Tally::default() })],
        networks: Listed { rows: vec![network], all: 77 },
        targets: Listed {
            rows: vec![Target { name: text.clone(), tally: tally(), ..Target::default() }],
            all: 1,
        },
        mechanisms: vec![mechanism],
        events: Listed { rows: vec![event], all: 1 },
        rules: vec![Rule { id: text.clone(), version: 1, count: 2 }],
        cannot_tell: vec![(text.clone(), 3)],
        measurements: Listed { rows: vec![measured], all: 5000 },
        ..Case::default()
    }
}

fn told(case: &Case, language: Language) -> Told<'_> {
    Told { case, words: language.words(), version: "9.8.7" }
}

#[test]
fn nothing_of_an_archive_is_markup_and_nothing_is_run_or_fetched() {
    for language in Language::ALL {
        let case = case(HOSTILE);
        let page = page(&told(&case, language));
        for bad in [
            "<script",
            "<img",
            "onerror=\"",
            "\u{202e}",
            "\u{1b}",
            "\u{7}",
            "\u{200f}",
            "\u{feff}",
            "javascript:",
            "http-equiv=\"refresh",
            "style=\"",
        ] {
            assert!(!page.contains(bad), "{bad:?}");
        }
        assert!(!page.contains("url(http") && !page.contains("@import"));
        assert!(page.contains("&lt;script&gt;alert(1)"), "it is still told");
    }
}

#[test]
fn the_policy_names_the_style_sheet_by_its_hash_and_allows_nothing_unsafe() {
    for language in Language::ALL {
        let case = case("a.example");
        let page = page(&told(&case, language));
        let (_, rest) = page.split_once("<style>").unwrap();
        let (sheet, _) = rest.split_once("</style>").unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(sha256(&[sheet.as_bytes()]));
        assert!(page.contains(&format!("style-src 'sha256-{hash}'")));
        assert!(!page.contains("unsafe-") && page.contains("default-src 'none'"));
        assert_eq!(page.matches("<style").count(), 1);
    }
}

#[test]
fn what_is_a_megabyte_long_is_cut() {
    let case = case(&"x<\u{202e}".repeat(400_000));
    for language in Language::ALL {
        let page = page(&told(&case, language));
        assert!(page.len() < 400_000, "{}", page.len());
        #[cfg(feature = "pdf")]
        assert!(wirewitness_report::paper::pdf(&told(&case, language)).unwrap().len() < 1_000_000);
    }
}

#[test]
fn each_language_runs_its_own_way_and_says_how_many_more_there_are() {
    let case = case("a.example");
    let english = page(&told(&case, Language::English));
    assert!(english.contains("<html lang=\"en\" dir=\"ltr\">"));
    for said in [
        "4,321",
        "76 more are not shown",
        "4,999 more are not shown",
        "and 39 more",
        "LIMS cannot be detected from outside.",
        "Wirewitness 9.8.7",
    ] {
        assert!(english.contains(said), "{said}");
    }
    let urdu = page(&told(&case, Language::Urdu));
    assert!(urdu.contains("<html lang=\"ur\" dir=\"rtl\">"));
    for said in ["۴٬۳۲۱", "باہر سے LIMS کا پتا نہیں لگایا جا سکتا۔", "data:font/ttf;base64,"]
    {
        assert!(urdu.contains(said), "{said}");
    }
    // Hours, never minutes: those could tell who measured.
    assert!(english.contains("14 November 2023, 22:00 UTC") && !english.contains("22:13"));
}

#[test]
fn made_up_measurements_are_called_that() {
    let mut case = case("a.example");
    assert!(!page(&told(&case, Language::English)).contains("made up"));
    case.origins = vec![("population".to_owned(), 12)];
    assert!(page(&told(&case, Language::English)).contains("made up (12)"));
}

#[test]
fn an_archive_that_answers_nothing_says_that_nothing_is_known() {
    let case = Case::default();
    let page = page(&told(&case, Language::English));
    assert!(page.contains("where nobody measured, nothing is known"));
    assert!(!page.contains("id=\"networks\"") && page.contains("id=\"systems\""));
}

#[cfg(feature = "pdf")]
mod paper {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use wirewitness_report::paper::pdf;

    use super::*;

    /// What another program reads in it; none where that is not here.
    fn read(bytes: &[u8]) -> Option<String> {
        let child = Command::new("pdftotext")
            .args(["-layout", "-", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("SKIPPED: no pdftotext here (poppler-utils)");
            return None;
        };
        let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
        let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "damage in the file");
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn another_program_reads_the_words_and_numbers() {
        let case = case("a.example");
        let Some(text) = read(&pdf(&told(&case, Language::English)).unwrap()) else { return };
        for said in [
            "Report on interference with connections",
            "4,321",
            "a.example",
            "AS17557",
            "LIMS cannot be detected from outside.",
        ] {
            assert!(text.contains(said), "{said} not in {text}");
        }
        let systems = text.find("What is documented about the systems").unwrap();
        assert_eq!(
            text[..systems].trim_end_matches(' ').chars().last(),
            Some('\u{c}'),
            "its own page"
        );
        let Some(urdu) = read(&pdf(&told(&case, Language::Urdu)).unwrap()) else { return };
        for said in ["رپورٹ", "۴٬۳۲۱", "LIMS", "a.example"] {
            assert!(urdu.contains(said), "{said} not in {urdu}");
        }
    }

    #[test]
    fn hostile_text_is_told_and_steers_nothing() {
        for language in Language::ALL {
            let case = case(HOSTILE);
            let bytes = pdf(&told(&case, language)).unwrap();
            for bad in
                [&b"/JavaScript"[..], b"/JS", b"/URI", b"/Launch", b"/EmbeddedFile", b"/OpenAction"]
            {
                assert!(!bytes.windows(bad.len()).any(|it| it == bad), "{}", bad.escape_ascii());
            }
            let Some(text) = read(&bytes) else { return };
            assert!(text.contains("alert(1)"), "{text}");
            // Marks that pdftotext itself puts around text of the other direction are its own.
            for bad in ['\u{1b}', '\u{7}', '\u{0}', '\u{2066}', '\u{feff}'] {
                assert!(!text.contains(bad), "{bad:?}");
            }
        }
    }

    #[test]
    fn letters_that_no_font_here_has_are_written_as_numbers() {
        let case = case("例え.example");
        let Some(text) = read(&pdf(&told(&case, Language::English)).unwrap()) else { return };
        let text: String = text.split_whitespace().collect();
        assert!(text.contains("\\u{4f8b}\\u{3048}.example"), "{text}");
    }

    #[test]
    fn made_twice_it_is_the_same() {
        for language in Language::ALL {
            let case = case(HOSTILE);
            assert_eq!(page(&told(&case, language)), page(&told(&case.clone(), language)));
            let bytes = pdf(&told(&case, language)).unwrap();
            assert_eq!(bytes, pdf(&told(&case.clone(), language)).unwrap());
            // No time is in it.
            assert!(!bytes.windows(5).any(|it| it == b"Date("), "a date");
        }
    }

    #[test]
    fn any_order_of_scripts_is_laid_out() {
        for text in [
            "",
            " ",
            "a",
            "۱۲۳ abc",
            "پاکستان (abc) 12",
            "abc پاکستان",
            "\u{301}\u{64e}",
            "((((",
            "א",
            "ـــ",
        ] {
            for language in Language::ALL {
                assert!(pdf(&told(&case(text), language)).unwrap().starts_with(b"%PDF-1.7"));
            }
        }
    }
}
