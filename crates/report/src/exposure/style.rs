//! How the page looks: on paper, on a phone, by day and by night.

/// Colours of one of the two looks: `[name, value]`.
pub(super) const LIGHT: [[&str; 2]; 9] = [
    ["page", "#ffffff"],
    ["ink", "#1b1f24"],
    ["soft", "#4d5561"],
    ["line", "#c3c9d1"],
    ["card", "#f4f6f8"],
    ["critical", "#9d1020"],
    ["high", "#8a3d00"],
    ["medium", "#24508c"],
    ["low", "#45505c"],
];

/// By night.
pub(super) const DARK: [[&str; 2]; 9] = [
    ["page", "#14171b"],
    ["ink", "#edf0f3"],
    ["soft", "#b3bcc7"],
    ["line", "#4a525d"],
    ["card", "#1e2329"],
    ["critical", "#ff9aa2"],
    ["high", "#ffb77a"],
    ["medium", "#9cc4ff"],
    ["low", "#b9c3ce"],
];

/// The whole style sheet.
pub(super) fn sheet() -> String {
    let set = |colours: &[[&str; 2]]| -> String {
        colours.iter().map(|[name, value]| format!("--{name}:{value};")).collect()
    };
    format!(
        ":root{{color-scheme:light dark;{}}}@media(prefers-color-scheme:dark){{:root{{{}}}}}{REST}@media print{{:root{{{}}}{PRINT}}}",
        set(&LIGHT),
        set(&DARK),
        set(&LIGHT)
    )
}

const REST: &str = "*{box-sizing:border-box}\
html{-webkit-text-size-adjust:100%}\
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\
header,main,footer,nav{max-width:60rem;margin:0 auto;padding:0 1rem}\
h1{font-size:1.6rem;line-height:1.25;margin:1.2rem 0 .5rem}\
h2{font-size:1.25rem;margin:2rem 0 .5rem}\
h3{font-size:1.05rem;margin:0 0 .3rem}\
p,ul,dl{margin:.4rem 0}\
ul{padding-left:1.2rem}\
a{color:var(--medium)}\
a:focus-visible{outline:3px solid var(--medium);outline-offset:2px}\
.skip{position:absolute;left:-99rem}.skip:focus{position:static}\
.lead{font-size:1.15rem;font-weight:600}\
.note{border-left:4px solid var(--line);padding:.2rem .8rem;color:var(--soft)}\
.card{background:var(--card);border:1px solid var(--line);border-left-width:6px;border-radius:6px;padding:.8rem;margin:.8rem 0;overflow-wrap:anywhere}\
.critical{border-left-color:var(--critical)}.high{border-left-color:var(--high)}.medium{border-left-color:var(--medium)}.low{border-left-color:var(--low)}\
.mark{font-weight:600;margin:0}.critical .mark{color:var(--critical)}.high .mark{color:var(--high)}.medium .mark{color:var(--medium)}.low .mark{color:var(--low)}\
.soft{color:var(--soft)}\
.values{font-family:ui-monospace,monospace;font-size:.85rem}\
dt{font-weight:600}dd{margin:0 0 .5rem}\
.numbers{display:grid;grid-template-columns:1fr;gap:0 1.5rem}\
@media(min-width:40rem){.numbers{grid-template-columns:1fr 1fr}}\
table{border-collapse:collapse;width:100%}\
caption{text-align:left;color:var(--soft);padding:.2rem 0}\
th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
@media(max-width:40rem){thead{position:absolute;left:-99rem}tr{display:block;border-bottom:1px solid var(--line);padding:.4rem 0}\
tbody th,td{display:block;border:0;padding:.1rem 0}td[data-label]::before{content:attr(data-label) \": \";color:var(--soft)}}\
footer{padding-bottom:2rem;color:var(--soft)}";

const PRINT: &str = "body{font-size:10pt}nav,.skip{display:none}.card{break-inside:avoid}a{color:inherit;text-decoration:none}h2{break-after:avoid}";

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2: relative luminance.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value =
                f64::from(u8::from_str_radix(colour.get(at..at + 2).unwrap(), 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn all_text_has_enough_contrast_on_page_and_card() {
        for colours in [LIGHT, DARK] {
            let of = |name: &str| colours.iter().find(|it| it[0] == name).unwrap()[1];
            for ground in ["page", "card"] {
                for text in ["ink", "soft", "critical", "high", "medium", "low"] {
                    let (a, b) = (luminance(of(ground)), luminance(of(text)));
                    let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_fetched() {
        let sheet = sheet();
        assert!(!sheet.contains("url(") && !sheet.contains("@import") && !sheet.contains("</"));
    }
}
