//! What the pattern of a row means: a fixed text, anchored or not, or a regular expression.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use super::{
    Fingerprint, Location, MAX_PATTERN_BYTES, MAX_REGEXP_PROGRAM_BYTES, PatternKind, Reason,
};

/// I am a pattern made ready to be matched.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// The text begins with these bytes, and is no longer where `whole`.
    Start {
        /// The bytes.
        bytes: Vec<u8>,
        /// True where nothing may follow.
        whole: bool,
    },
    /// These bytes occur in the text.
    Inside(Vec<u8>),
    /// The expression matches.
    Regexp {
        /// The expression.
        regex: Regex,
        /// Texts that are all in every text it matches; none if that much cannot be said.
        required: Vec<Vec<u8>>,
    },
}

/// What every pattern must hold to, whatever its kind and the format that it came in.
pub(super) fn check_length(pattern: &str) -> Result<(), Reason> {
    match pattern.len() {
        0 => Err(Reason::EmptyPattern),
        bytes if bytes > MAX_PATTERN_BYTES => Err(Reason::LongPattern { bytes }),
        _ => Ok(()),
    }
}

impl Pattern {
    /// Makes a row's pattern ready.
    ///
    /// # Errors
    ///
    /// The pattern is empty, too long, no regular expression, or one that is too big or matches everything.
    pub(super) fn new(row: &Fingerprint) -> Result<Self, Reason> {
        check_length(&row.pattern)?;
        let text = match row.location {
            Location::Dns if row.kind == PatternKind::Full => address(&row.pattern),
            _ => row.pattern.clone(),
        };
        match row.kind {
            PatternKind::Full => Ok(Self::Start { bytes: text.into_bytes(), whole: true }),
            PatternKind::Prefix => Ok(Self::Start { bytes: text.into_bytes(), whole: false }),
            PatternKind::Contains => Ok(Self::Inside(text.into_bytes())),
            PatternKind::Regexp => regexp(&text),
        }
    }
}

/// An address in the one form two writings of it share; any other text as it is.
pub(super) fn address(text: &str) -> String {
    text.trim().parse::<std::net::IpAddr>().map_or_else(|_| text.to_owned(), |ip| ip.to_string())
}

/// The fixed text a regular expression amounts to, if it is one.
pub(super) fn literal(pattern: &str) -> Option<String> {
    let hir = regex_syntax::parse(&plain_braces(pattern)).ok()?;
    match hir.into_kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.into_vec()).ok(),
        _ => None,
    }
}

fn regexp(pattern: &str) -> Result<Pattern, Reason> {
    let pattern = plain_braces(pattern);
    let regex = RegexBuilder::new(&pattern)
        .size_limit(MAX_REGEXP_PROGRAM_BYTES)
        .dfa_size_limit(MAX_REGEXP_PROGRAM_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Reason::BigRegexp,
            // The message shows the pattern over several lines; its last line says what is wrong.
            other => Reason::Regexp(last_line(&other.to_string())),
        })?;
    if regex.is_match(b"") {
        return Err(Reason::EmptyMatch);
    }
    let mut required = Vec::new();
    if let Ok(hir) = regex_syntax::parse(&pattern) {
        collect_required(&hir, &mut required);
    }
    // A text of a few bytes is in every page, and asking for it costs more than it saves.
    required.retain(|text| text.len() >= MIN_REQUIRED_BYTES);
    required.sort_unstable();
    required.dedup();
    Ok(Pattern::Regexp { regex, required })
}

fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// Collects the texts that must be in whatever the expression matches. Alternatives are not looked into: no list has
/// one that would gain by it. Depth is bounded by the parser's own limit on nesting.
fn collect_required(hir: &Hir, required: &mut Vec<Vec<u8>>) {
    match hir.kind() {
        HirKind::Literal(literal) => required.push(literal.0.to_vec()),
        HirKind::Capture(group) => collect_required(&group.sub, required),
        HirKind::Repetition(many) if many.min > 0 => collect_required(&many.sub, required),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect_required(part, required)),
        _ => {}
    }
}

/// Escapes braces that count nothing. The lists were written for Python, where `{"error"` is itself.
fn plain_braces(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find(['\\', '{']) {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let taken = match from.as_bytes() {
            [b'\\', b'p' | b'P' | b'x' | b'u' | b'U', b'{', ..] => 3,
            [b'\\', ..] => from.chars().take(2).map(char::len_utf8).sum(),
            _ => {
                if !counts(from) {
                    plain.push('\\');
                }
                1
            }
        };
        let (token, after) = from.split_at(taken);
        plain.push_str(token);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// True for `{3}`, `{3,}`, `{3,5}` and `{,5}`.
fn counts(from_brace: &str) -> bool {
    let inside =
        from_brace.get(1..).and_then(|rest| rest.split_once('}')).map(|(inside, _)| inside);
    inside.is_some_and(|inside| {
        inside.bytes().any(|b| b.is_ascii_digit())
            && inside.bytes().all(|b| b.is_ascii_digit() || b == b',')
    })
}

const MIN_REQUIRED_BYTES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn required_of(pattern: &str) -> Vec<String> {
        match regexp(pattern).unwrap() {
            Pattern::Regexp { required, .. } => {
                required.into_iter().map(|text| String::from_utf8(text).unwrap()).collect()
            }
            _ => unreachable!(),
        }
    }

    #[test]
    fn a_regexp_that_is_a_fixed_text() {
        assert_eq!(literal(r"fortinet\.net").as_deref(), Some("fortinet.net"));
        assert_eq!(literal("Доступ").as_deref(), Some("Доступ"));
        assert_eq!(literal(r"it\'s (b\)").as_deref(), None);
        assert_eq!(literal(r#"{"error":"none"}"#).as_deref(), Some(r#"{"error":"none"}"#));
        assert_eq!(literal("a.b"), None);
        assert_eq!(literal("block?"), None);
        assert_eq!(literal(""), None);
    }

    #[test]
    fn the_texts_a_match_must_hold() {
        assert_eq!(required_of("URL .* Sp.*er Gate"), [" Sp", "URL ", "er Gate"]);
        assert_eq!(required_of(r#"{"msg":.*"id":"#), [r#""id":"#, r#"{"msg":"#]);
        assert_eq!(required_of("(one|two) done"), [" done"]);
        assert_eq!(required_of("(?:abc){2,}(?:def)?"), ["abc"]);
        assert_eq!(required_of("(?i)abc"), [] as [&str; 0]);
        assert_eq!(required_of("abc|xyz"), [] as [&str; 0]);
        assert_eq!(required_of("ab.*c"), [] as [&str; 0]);
    }

    #[test]
    fn braces_that_count_are_left_alone() {
        assert_eq!(plain_braces(r"a{2}b{3,}c{x}\{\p{L}\"), r"a{2}b{3,}c\{x}\{\p{L}\");
        assert_eq!(plain_braces("\\é{"), "\\é\\{");
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(regexp("a*").unwrap_err(), Reason::EmptyMatch);
        assert_eq!(regexp(r"(\w{100}){1000}").unwrap_err(), Reason::BigRegexp);
        let Err(Reason::Regexp(message)) = regexp("a(b") else { panic!("compiled") };
        assert_eq!(message, "unclosed group");
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        assert_eq!(address("2001:DB8:0::1"), "2001:db8::1");
        assert_eq!(address("blocked.example"), "blocked.example");
    }
}
