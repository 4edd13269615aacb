#!/usr/bin/env bash
# Makes the fonts in crates/report/fonts from those of Debian's package fonts-noto-core, small: only the letters that reports are written in, and of
# the rules of shaping only what those letters need. Needs apt-get, dpkg and python3; writes nothing but that folder. The same package and the same
# fonttools give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
out=crates/report/fonts
version=20201225-1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get download "fonts-noto-core=$version" && dpkg -x fonts-noto-core_*.deb .) >&2
python3 -m venv "$work/py"
"$work/py/bin/pip" install --quiet fonttools==4.60.1
noto=$work/usr/share/fonts/truetype/noto

# Latin with its accents, marks, arrows, the sign for a letter that cannot be shown.
latin=U+0020-007E,U+00A0-017F,U+02C6,U+02DC,U+2010-2027,U+202F,U+2030-203A,U+20AC,U+2190-2193,U+2212,U+2248,U+2260,U+2264,U+2265,U+FFFD
# Arabic script as Urdu is written in it, its digits and marks, and joiners. Forms of letters come by the font's own rules.
arabic=U+0020-007E,U+00A0,U+00AB,U+00BB,U+060C,U+061B,U+061F,U+0621-0655,U+0660-066D,U+0670-0671,U+0679,U+067E,U+0686,U+0688,U+0691,U+0698,U+06A9,U+06AF,U+06BA,U+06BE,U+06C0-06C3,U+06CC,U+06D2-06D4,U+06F0-06F9,U+200C,U+200D,U+2013,U+2014,U+2018-201D,U+2026,U+FD3E,U+FD3F,U+FDFA

subset() { # file of the package, letters
    # Hints are for screens of twenty years ago. Times in the head stay those of the source, so that the bytes do.
    "$work/py/bin/pyftsubset" "$noto/$1" --unicodes="$2" --output-file="$out/$1" --no-hinting --desubroutinize \
        --layout-features='*' --name-IDs='*' --no-recalc-timestamp --notdef-outline
}
subset NotoSans-Regular.ttf "$latin"
subset NotoSans-Bold.ttf "$latin"
subset NotoNaskhArabic-Regular.ttf "$arabic"
subset NotoNaskhArabic-Bold.ttf "$arabic"
ls -l "$out" >&2
