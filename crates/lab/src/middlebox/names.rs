//! Which names a rule is about.

/// A set of names: `example.com` is that name, `*.example.com` all below it, `*` every name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The set that these patterns describe, whatever their case.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        let clean = |pattern: S| pattern.as_ref().trim_end_matches('.').to_ascii_lowercase();
        Self(patterns.into_iter().map(clean).collect())
    }

    /// True if a pattern covers `name`.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|pattern| match pattern.strip_prefix('*') {
            None => *pattern == name,
            // `*.example.com` leaves `.example.com`, `*` nothing.
            Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let names = Names::new(["Example.com", "*.example.org"]);
        for (name, covered) in [
            ("example.com", true),
            ("EXAMPLE.COM.", true),
            ("www.example.com", false),
            ("www.example.org", true),
            ("example.org", false),
            (".example.org", false),
            ("badexample.org", false),
            ("", false),
        ] {
            assert_eq!(names.matches(name), covered, "{name}");
        }
        assert!(Names::new(["*"]).matches("any.name"));
    }
}
