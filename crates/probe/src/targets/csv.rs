//! One record of a CSV file (RFC 4180), on one line.

/// The fields of a line; `None` where a quote is never closed or stands where none may.
///
/// A field that runs over the end of its line is not supported: with hostile lists, one stray quote would swallow
/// everything after it.
pub fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (field, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => bare_field(text)?,
        };
        fields.push(field);
        rest = after;
    }
    Some(fields)
}

/// A field and what follows its comma.
type Field<'a> = (String, Option<&'a str>);

fn bare_field(text: &str) -> Option<Field<'_>> {
    let (field, after) = match text.split_once(',') {
        Some((field, after)) => (field, Some(after)),
        None => (text, None),
    };
    (!field.contains('"')).then(|| (field.to_owned(), after))
}

fn quoted_field(mut text: &str) -> Option<Field<'_>> {
    let mut field = String::new();
    loop {
        let (part, after) = text.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                text = more;
            }
            None if after.is_empty() => return Some((field, None)),
            None => return Some((field, Some(after.strip_prefix(',')?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_and_unquoted() {
        for (line, expected) in [
            ("a,b,c", &["a", "b", "c"][..]),
            ("a,,", &["a", "", ""]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"say \"\"no\"\"\",c", &["say \"no\"", "c"]),
            ("\"\",\"\"", &["", ""]),
            ("", &[""]),
        ] {
            assert_eq!(fields(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn stray_quotes_are_no_record() {
        for line in ["\"a", "a\"b,c", "\"a\"b,c", "a,\"b"] {
            assert_eq!(fields(line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_quoted_comes_back(written in proptest::collection::vec("[^\r\n]{0,20}", 1..6)) {
            let quoted: Vec<_> =
                written.iter().map(|it| format!("\"{}\"", it.replace('"', "\"\""))).collect();
            proptest::prop_assert_eq!(fields(&quoted.join(",")), Some(written));
        }
    }
}
