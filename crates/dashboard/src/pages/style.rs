//! How pages look: on paper, on a phone, by day and by night, in both directions of writing.

use std::sync::OnceLock;

/// Colours of the light look: `[name, value]`.
const LIGHT: [[&str; 2]; 11] = [
    ["page", "#ffffff"],
    ["ink", "#1b1f24"],
    ["soft", "#4d5561"],
    ["line", "#c3c9d1"],
    ["card", "#f4f6f8"],
    ["link", "#1c4f91"],
    ["blocked", "#a31621"],
    ["partly", "#8a4600"],
    ["down", "#5b4a8a"],
    ["ok", "#1f6a4d"],
    ["insufficient", "#59616b"],
];

/// By night.
const DARK: [[&str; 2]; 11] = [
    ["page", "#14171b"],
    ["ink", "#edf0f3"],
    ["soft", "#b3bcc7"],
    ["line", "#4a525d"],
    ["card", "#1e2329"],
    ["link", "#9cc4ff"],
    ["blocked", "#ff8f98"],
    ["partly", "#f5b066"],
    ["down", "#c4b2f5"],
    ["ok", "#7fd1ae"],
    ["insufficient", "#aab3bd"],
];

/// The whole sheet.
pub(super) fn sheet() -> &'static str {
    static SHEET: OnceLock<String> = OnceLock::new();
    SHEET.get_or_init(|| {
        let set = |colours: &[[&str; 2]]| -> String {
            colours.iter().map(|[name, value]| format!("--{name}:{value};")).collect()
        };
        format!(
            ":root{{color-scheme:light dark;{}}}\n@media(prefers-color-scheme:dark){{:root{{{}}}}}\n{REST}\n@media print{{:root{{{}}}{PRINT}}}\n",
            set(&LIGHT),
            set(&DARK),
            set(&LIGHT)
        )
    })
}

const REST: &str = "\
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:auto}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,'Noto Sans','Noto Naskh Arabic',sans-serif}
[dir=rtl] body{line-height:1.8}
header,main,footer,nav{max-width:68rem;margin-inline:auto;padding-inline:1rem}
header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;justify-content:space-between;padding-block:.8rem .3rem}
.brand{margin:0;font-weight:700;font-size:1.15rem}.brand a{color:inherit;text-decoration:none;display:inline-block;padding:.25rem 0}
nav{border-block-end:1px solid var(--line);display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem}
nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:0 .2rem}
nav a{display:block;padding:.45rem .5rem;min-height:2rem;text-decoration:none}
nav a:hover{text-decoration:underline}
nav a[aria-current]{font-weight:700;color:var(--ink);box-shadow:inset 0 -3px var(--link)}
h1{font-size:1.6rem;line-height:1.3;margin:1.2rem 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2rem 0 .5rem}
h3{font-size:1.05rem;margin:1rem 0 .3rem;overflow-wrap:anywhere}
h4{font-size:.95rem;margin:.2rem 0}
p,ul,ol,dl{margin:.5rem 0}
main:focus{outline:0}
a{color:var(--link)}
a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,textarea:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;inset-inline-start:0;top:-10rem;background:var(--page);padding:.6rem 1rem;z-index:1}.skip:focus{top:0}
.lead{font-size:1.1rem;font-weight:600}
.soft{color:var(--soft)}
.note{border-inline-start:4px solid var(--partly);padding:.3rem .8rem;background:var(--card)}
code,pre{font:.9em/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
code{direction:ltr;unicode-bidi:isolate}
pre{white-space:pre-wrap;background:var(--card);border:1px solid var(--line);padding:.6rem;max-height:30rem;overflow:auto;direction:ltr;text-align:left}
.state{white-space:nowrap;font-weight:600}.mark{display:inline-block;min-width:1em}
.is-blocked{color:var(--blocked)}.is-partly{color:var(--partly)}.is-down{color:var(--down)}.is-ok{color:var(--ok)}.is-insufficient{color:var(--insufficient);border-block-end:2px dotted currentColor;font-weight:400;font-style:italic}
[dir=rtl] .is-insufficient{font-style:normal}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
form{margin:.8rem 0}
.filter{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:flex-end;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem}
.filter p{margin:0}.filter label,.sent label{display:block;font-size:.9rem;color:var(--soft)}
fieldset{border:1px solid var(--line);border-radius:6px;display:flex;flex-wrap:wrap;gap:.5rem 1rem;min-width:0}
.find{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center;margin:0}
input,select,textarea,button{font:inherit;color:inherit;background:var(--page);border:1px solid var(--soft);border-radius:4px;padding:.3rem .5rem;min-height:2.2rem;max-width:100%}
textarea{width:100%}
button{background:var(--link);color:var(--page);border-color:var(--link);font-weight:600;cursor:pointer}
figure{margin:.8rem 0}figcaption{color:var(--soft)}
svg{display:block;width:100%}
.bars{height:10rem;border-block-end:1px solid var(--soft)}
.strip{height:1.4rem;background:var(--card)}
.map{height:auto;border:1px solid var(--line);background:var(--card)}
[dir=rtl] svg.time{transform:scaleX(-1)}
.axis{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);font-size:.9rem;margin:.2rem 0}
.land{fill:var(--page);stroke:var(--line);stroke-width:.5}
.f-blocked{fill:var(--blocked)}.f-partly{fill:var(--partly)}.f-down{fill:var(--down)}.f-ok{fill:var(--ok)}
.bars .f-ok{fill-opacity:.45}
.bars .f-insufficient{fill:url(#hatch-bars)}.map .f-insufficient{fill:url(#hatch-map)}
.map text{font-size:17px;fill:var(--ink)}.map a path{stroke:var(--ink);stroke-width:.6}.map a:focus-visible path{stroke:var(--link);stroke-width:3}
.hatch-ground{fill:var(--page)}.hatch-line,.l-insufficient{stroke:var(--insufficient);stroke-width:1;fill:none}
.l-insufficient{vector-effect:non-scaling-stroke}
.strips{list-style:none;padding:0}.strips li{margin:.6rem 0;padding-block-end:.4rem;border-block-end:1px solid var(--line)}.strips p{margin:.1rem 0}
.events{list-style:none;padding:0}.events li{border-inline-start:4px solid var(--line);padding-inline-start:.8rem;margin:.7rem 0}.events p{margin:0;overflow-wrap:anywhere}
.names li{margin:.3rem 0;overflow-wrap:anywhere}
.wide{overflow-x:auto;margin:.5rem 0}
table{border-collapse:collapse;width:100%;min-width:min(100%,34rem)}
caption{text-align:start;color:var(--soft);padding:.3rem 0}
th,td{text-align:start;vertical-align:top;padding:.4rem .6rem;border-block-end:1px solid var(--line)}
thead th{border-block-end:2px solid var(--soft)}
tbody th{font-weight:400;overflow-wrap:anywhere;min-width:9rem}td{overflow-wrap:break-word}
td a,th a,li a,dd a{display:inline-block;min-height:1.5rem}
.as a{display:inline-block;padding:.2rem .5rem;min-width:1.5rem}
details{margin:.5rem 0}summary{cursor:pointer;padding:.3rem 0;min-height:1.8rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.2rem 1rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.steps{padding:0;list-style:none}.steps>li{border:1px solid var(--line);border-radius:6px;padding:.4rem .8rem;margin:.6rem 0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.5rem 1.2rem}.pair>div{min-width:0;overflow-wrap:anywhere}
footer{margin-block-start:3rem;padding-block:1rem 2rem;border-block-start:1px solid var(--line);color:var(--soft)}
@media(max-width:40rem){.pair,dl{grid-template-columns:1fr}dt{margin-block-start:.4rem}.find,.find label{width:100%}.find input{flex:1;width:auto;min-width:0}h1{font-size:1.35rem}.state{white-space:normal}}
@media(prefers-reduced-motion:no-preference){a,button{transition:color .1s}}
@media(forced-colors:active){svg *{forced-color-adjust:none}}";

const PRINT: &str = "body{font-size:10pt}nav,form,.skip,.as{display:none}a{color:inherit;text-decoration:none}h2{break-after:avoid}.wide{overflow:visible}";

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2: relative luminance.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn all_text_has_enough_contrast_on_page_and_card() {
        for colours in [LIGHT, DARK] {
            let of = |name: &str| colours.iter().find(|it| it[0] == name).unwrap()[1];
            for ground in ["page", "card"] {
                for text in
                    ["ink", "soft", "link", "blocked", "partly", "down", "ok", "insufficient"]
                {
                    let (a, b) = (luminance(of(ground)), luminance(of(text)));
                    let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_fetched() {
        let fetched = sheet().split("url(").skip(1).filter(|rest| !rest.starts_with('#'));
        assert_eq!(fetched.count(), 0);
        assert!(!sheet().contains("@import") && !sheet().contains("</"));
    }
}
