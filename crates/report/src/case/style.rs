//! How a report looks on a screen: by day and by night, on a phone, printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wirewitness_evidence::merkle::sha256;

use crate::words::Language;

/// The style sheet of a language, and what the content security policy says of it.
pub(super) fn sheet(language: Language) -> (String, String) {
    let font = match language {
        Language::English => String::new(),
        // Not every phone has a font that joins Urdu letters well: it comes with the page.
        Language::Urdu => format!(
            "@font-face{{font-family:Naskh;src:url(data:font/ttf;base64,{}) format('truetype')}}",
            STANDARD.encode(NASKH)
        ),
    };
    let family = match language {
        Language::English => "system-ui,sans-serif",
        Language::Urdu => "Naskh,'Noto Naskh Arabic',system-ui,sans-serif",
    };
    let leading = match language {
        Language::English => "1.5",
        Language::Urdu => "1.9",
    };
    let sheet = format!(
        "{font}:root{{color-scheme:light dark;{LIGHT}}}@media(prefers-color-scheme:dark){{:root{{{DARK}}}}}\
         body{{font:1rem/{leading} {family}}}{REST}@media print{{:root{{{LIGHT}}}{PRINT}}}"
    );
    let hash = STANDARD.encode(sha256(&[sheet.as_bytes()]));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; font-src data:; base-uri 'none'; form-action 'none'"
    );
    (sheet, policy)
}

const NASKH: &[u8] = include_bytes!("../../fonts/NotoNaskhArabic-Regular.ttf");

const LIGHT: &str = "--page:#fff;--ink:#1b1f24;--soft:#4d5561;--line:#c3c9d1;--card:#f4f6f8;--link:#24508c;\
--blocked:#9d1020;--down:#8a6d00;--ok:#9fc3e8;--okline:#24508c;--none:#6b7480";
const DARK: &str = "--page:#14171b;--ink:#edf0f3;--soft:#b3bcc7;--line:#4a525d;--card:#1e2329;--link:#9cc4ff;\
--blocked:#ff8d96;--down:#e6c65c;--ok:#2b4a70;--okline:#9cc4ff;--none:#9aa5b1";
const REST: &str = "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}\
body{margin:0;background:var(--page);color:var(--ink)}\
header,main,nav{max-width:72rem;margin:0 auto;padding:0 1rem}\
h1{font-size:1.7rem;line-height:1.3;margin:1.2rem 0 .4rem}h2{font-size:1.3rem;margin:2.2rem 0 .5rem}\
p,ul{margin:.5rem 0;max-width:48rem}a{color:var(--link)}a:focus-visible,.wide:focus-visible{outline:3px solid var(--link);outline-offset:2px}\
.skip{position:absolute;inset-inline-start:-99rem}.skip:focus{position:static}\
.soft,caption,.after{color:var(--soft)}\
.note{border-inline-start:5px solid var(--blocked);background:var(--card);padding:.6rem .9rem;font-weight:600;max-width:48rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.5rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\
.wide{overflow-x:auto;margin:.8rem 0}table{border-collapse:collapse;width:100%;font-size:.9rem}\
caption{text-align:start;padding:.2rem 0 .4rem}th,td{text-align:start;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid var(--line)}\
th{color:var(--soft);font-weight:600}.n{text-align:end;font-variant-numeric:tabular-nums;white-space:nowrap}\
th.n{white-space:normal}td{min-width:3.5rem}bdi{overflow-wrap:anywhere;unicode-bidi:isolate}\
.mark{width:.8em;height:.8em;margin-inline-end:.4em;vertical-align:-.05em}\
.chart{width:100%;height:12rem;border-bottom:1px solid var(--line)}\
.ends{display:flex;justify-content:space-between;color:var(--soft);font-size:.9rem}\
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;padding:0}\
figure{margin:.8rem 0}figcaption{color:var(--soft)}\
.m-blocked{fill:var(--blocked)}.m-down{fill:var(--down)}.m-ok{fill:var(--ok);stroke:var(--okline);stroke-width:2;vector-effect:non-scaling-stroke}\
.m-insufficient{fill:var(--page);stroke:var(--none);stroke-width:2;stroke-dasharray:4 3;vector-effect:non-scaling-stroke}\
@media(max-width:40rem){dl{grid-template-columns:1fr}h1{font-size:1.4rem}table{font-size:.85rem}}";
const PRINT: &str = "body{font-size:9.5pt}nav,.skip{display:none}.wide{overflow:visible}tr,figure{break-inside:avoid}\
h2{break-after:avoid}.newpage{break-before:page}thead{display:table-header-group}table{font-size:7.5pt}";
