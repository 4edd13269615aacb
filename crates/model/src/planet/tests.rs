//! Made rows of every format.

use super::capped::MAX_FIELDS;
use super::page::Received;
use super::*;

fn row<'a>(path: &str, line: &'a str) -> Row<'a> {
    Row::read(line, &Source::of(path)).expect(line)
}

fn hyperquack<'a>(line: &'a str) -> Hyperquack<'a> {
    match row("", line) {
        Row::Hyperquack(row) => *row,
        other => panic!("{other:?}"),
    }
}

fn satellite<'a>(line: &'a str) -> Satellite<'a> {
    match row("", line) {
        Row::Satellite(row) => *row,
        other => panic!("{other:?}"),
    }
}

#[test]
fn shapes_tell_formats_and_names_tell_the_rest() {
    for (path, line, expected) in [
        ("", r#"{"Server":"192.0.2.1","Keyword":"a.example"}"#, Format::Hyperquack),
        ("", r#"{"vp":"1","test_url":"a","service":"echo","response":[]}"#, Format::Hyperquack),
        ("CP_Quack-http-1/results.json", r#"{"vp":"1","test_url":"a"}"#, Format::Hyperquack),
        ("", r#"{"vp":"1","test_url":"a","response":[],"anomaly":true}"#, Format::Satellite),
        ("", r#"{"resolver":"1","query":"a","answers":{},"passed":true}"#, Format::Satellite),
        ("answers_err.json", r#"{"resolver":"1","query":"a","err":"x"}"#, Format::Satellite),
        ("answers_control.json", r#"{"resolver":"1","query":"a","answers":[]}"#, Format::Control),
        ("", r#"{"vp":"1","test_url":"a","response":[],"passed_control":true}"#, Format::Control),
        ("", r#"{"vp":"1","name":"ns"}"#, Format::Resolver),
        ("", r#"{"country":"Ireland","resolver":"1"}"#, Format::Resolver),
        ("", r#"{"asnum":1,"ip":"1"}"#, Format::Tagged),
        ("blockpages.json", r#"{"ip":"1","keyword":"a","http":"EOF"}"#, Format::Page),
        ("control_pages.json", r#"{"ip":"1","keyword":"a","https":{}}"#, Format::ControlPage),
        ("", r#"{"resolver":"1","non_zero_rcode":"0.1"}"#, Format::Profile),
    ] {
        assert_eq!(Format::of(line, &Source::of(path)), Ok(expected), "{path} {line}");
    }
}

#[test]
fn what_is_no_row_is_refused_with_its_reason() {
    let file =
        b"\n{}\nnot json\n[1]\n\"x\"\n{\"vp\":\"\xff\"}\n  \r\n{\"vp\":\"1\",\"name\":\"n\"}\n3";
    let mut found = Vec::new();
    read_lines(file, &Source::default(), |line, row| {
        found.push((line, row.map(|_| ()).map_err(|refusal| refusal.to_string())));
    });
    let unknown = "an object of no known format: need the keys of a hyperquack or satellite row";
    let no_object = "need a JSON object, have another value";
    let text = |text: &str| Err(text.to_owned());
    assert_eq!(
        found,
        [
            (2, text(unknown)),
            (3, text("byte 1: expected ident")),
            (4, text(no_object)),
            (5, text(no_object)),
            (6, text("byte 7: not UTF-8")),
            (8, Ok(())),
            (9, text(no_object)),
        ]
    );
    let deep = format!("{{\"vp\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let refusal = Row::read(&deep, &Source::default()).unwrap_err();
    assert!(refusal.to_string().contains("recursion limit"), "{refusal}");
}

#[test]
fn half_a_surrogate_pair_is_mended() {
    let line = br#"{"vp":"1","name":"a\ud800b"}"#;
    read_line(line, &Source::default(), |row| match row.unwrap() {
        Row::Resolver(resolver) => assert_eq!(resolver.name.or_empty(), "a\u{fffd}b"),
        other => panic!("{other:?}"),
    });
}

#[test]
fn mending_keeps_every_offset_and_whole_pairs() {
    for (text, expected) in [
        (
            r#"["\ud800","\uDFFFx","\ud83d\ude00","\\ud800\"","\ud800\ud83d\ude00","é\udc00"]"#,
            r#"["\ufffd","\ufffdx","\ud83d\ude00","\\ud800\"","\ufffd\ud83d\ude00","é\ufffd"]"#,
        ),
        (r#"["\ud83d\u0041","\ud83d\n"]"#, r#"["\ufffd\u0041","\ufffd\n"]"#),
        (r#"["\u0041\\"]"#, r#"["\u0041\\"]"#),
    ] {
        let mended = super::mended(text);
        assert_eq!(mended, expected);
        assert_eq!(mended.len(), text.len());
        let by_tree = crate::document::Document::parse(text).unwrap().with_valid_strings();
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&mended), read(&by_tree.to_json()));
    }
    // What is no JSON is left to the reader; nothing here may stop at it.
    for odd in ["\\ud800\\", "\\ud800\\é", "\\", "\\ud8", "\\ud80é", "\"\\ud800\\u12"] {
        assert_eq!(super::mended(odd).len(), odd.len(), "{odd}");
    }
}

#[test]
fn hyperquack_of_both_versions() {
    let v1 = hyperquack(
        r#"{"Server":"192.0.2.1","Keyword":"Blocked.example","Retries":1,"Results":[
        {"Sent":"GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n","Success":false,"Error":"Received response","Received":"x"},
        {"Sent":"","Success":false,"Error":"EOF"},
        {"Sent":"","Success":false,"Error":"EOF"},
        {"Sent":"GET / HTTP/1.1\r\nHost: harmless.example\r\n\r\n","Success":true,
         "StartTime":"2020-11-22T00:00:00Z","EndTime":"2020-11-22T00:00:00.0015Z"}]}"#,
    );
    assert_eq!((v1.vantage(), v1.target()), ("192.0.2.1", "Blocked.example"));
    let controls: Vec<bool> = (0..5).map(|at| v1.is_control(at)).collect();
    assert_eq!(controls, [false, false, true, true, false]);
    assert_eq!(v1.trials()[0].received(), &Received::Text("x".into()));
    assert!(!v1.trials()[0].matches() && v1.trials()[3].matches());
    assert_eq!(v1.trials()[3].took_ms(), Some(1.5));

    let v2 = hyperquack(
        r#"{"vp":"192.0.2.1","service":"https","test_url":"a.example/b","controls_failed":true,"response":[
        {"matches_template":true,"control_url":"control-1.example"},
        {"matches_template":false,"error":"null","response":{"status_line":"HTTP/1.1 403 Forbidden",
         "headers":{"A":["1","2"]},"body":"no","TlsVersion":771,"Certificate":["AAAA","BBBB"]}}, 7, null]}"#,
    );
    assert!(v2.says_controls_failed() && v2.is_control(0) && !v2.is_control(1));
    assert_eq!(v2.trials().len(), 4);
    let Received::Response(page) = v2.trials()[1].received() else { panic!("{v2:?}") };
    assert_eq!((page.status(), page.certificate()), (Some(403), Some("AAAA")));
    assert_eq!(page.headers.headers.0.len(), 2);
    assert_eq!(v2.trials()[1].error(), None);
}

#[test]
fn a_name_sent_alone_is_compared_without_port_and_path() {
    let line = r#"{"Server":"1","Keyword":"http://a.example:80/x","Results":[{"Sent":"a.example"},{"Sent":"b.example"}]}"#;
    let row = hyperquack(line);
    assert!(!row.is_control(0) && row.is_control(1));
}

#[test]
fn hosts_of_requests() {
    for (sent, expected) in [
        (r"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", Some("a.example")),
        (r"GET /x.html HTTP/1.1\nHOST:a.example", Some("a.example")),
        (r"GET www.a.example HTTP/1.1", Some("www.a.example")),
        (r"GET /x.html HTTP/1.1", None),
        ("a.example", Some("a.example")),
        ("http://a.example/b", Some("http://a.example/b")),
        ("", None),
    ] {
        let line = format!(r#"{{"Server":"1","Keyword":"k","Results":[{{"Sent":"{sent}"}}]}}"#);
        assert_eq!(hyperquack(&line).trials()[0].sent_host(), expected, "{sent}");
    }
}

#[test]
fn satellite_of_every_version() {
    let v1 = satellite(
        r#"{"resolver":"192.0.2.1","query":"a.example","answers":{"192.0.2.2":["asnum","x"],"192.0.2.3":["no_tags"],"192.0.2.4":[]},"passed":true}"#,
    );
    let answers = &v1.response().flat.items;
    let matched: Vec<bool> = answers.iter().map(|answer| answer.detail.is_matched()).collect();
    assert_eq!(matched, [true, false, false]);
    assert!(answers[1].detail.is_untagged() && v1.was_compared());

    let v20 = satellite(
        r#"{"vp":"192.0.2.1","test_url":"a.example","passed_control":false,"connect_error":true,"anomaly":false,
        "response":{"192.0.2.2":[],"error":["read udp: i/o timeout"],"rcode":["-1",2]}}"#,
    );
    let flat = &v20.response().flat;
    let codes: Vec<&str> = flat.rcodes.iter().map(|word| word.or_empty()).collect();
    assert_eq!((flat.items.len(), flat.errors.len(), codes), (1, 1, vec!["-1", "2"]));
    assert_eq!(v20.is_alive(), Some(false));

    let v21 = satellite(
        r#"{"vp":"192.0.2.1","test_url":"a.example","passed_liveness":true,"in_control_group":true,"excluded":false,
        "confidence":{"untagged_controls":false,"untagged_response":false},
        "response":[{"url":"a.example","has_type_a":true,"error":"null","rcode":0,
        "start_time":"2021-10-20 14:51:41.5 -0400 EDT",
        "response":{"192.0.2.2":{"http":"","cert":"ab","asnum":64500,"asname":"N","matched":null}}}]}"#,
    );
    let lookup = &v21.response().lookups[0];
    assert_eq!((lookup.error(), lookup.rcode.0), (None, Some(0)));
    assert!(lookup.response.items[0].detail.has_tags());
    assert!(v21.was_compared() && !lookup.response.items[0].detail.is_matched());
    assert_eq!(v21.started_us(), Some(1_634_755_901_500_000));
}

#[test]
fn odd_types_are_absent() {
    for value in ["null", "3", "true", "\"x\"", "[]", "{}", "[[1]]", "[{}]", "{\"a\":{}}"] {
        for line in [
            format!(r#"{{"Server":{value},"Keyword":{value},"Results":{value}}}"#),
            format!(
                r#"{{"vp":{value},"test_url":{value},"service":{value},"location":{value},"response":[{{"response":{value},"error":{value}}}]}}"#
            ),
            format!(
                r#"{{"vp":{value},"test_url":{value},"anomaly":{value},"confidence":{value},"response":{value}}}"#
            ),
            format!(
                r#"{{"resolver":{value},"query":{value},"answers":{{"1":{value},"rcode":{value}}}}}"#
            ),
            format!(
                r#"{{"ip":{value},"keyword":{value},"http":{value},"https":{{"headers":{value},"body":{value}}}}}"#
            ),
            format!(r#"{{"ip":{value},"asnum":{value},"cert":{value}}}"#),
            format!(r#"{{"resolver":{value},"non_zero_rcode":{value}}}"#),
            format!(r#"{{"vp":{value},"location":{value}}}"#),
        ] {
            row("", &line);
        }
    }
}

#[test]
fn a_flood_of_entries_is_counted_not_kept() {
    let trials =
        format!(r#"{{"Server":"1","Keyword":"a","Results":[{}{{}}]}}"#, "{},".repeat(9_999));
    let flooded = hyperquack(&trials);
    assert_eq!((flooded.trials().len(), flooded.trials_left_out()), (64, 10_000 - 64));
    let answers: String = (0..10_000).map(|n| format!(",\"{n}\":[]")).collect();
    let line = format!(r#"{{"resolver":"1","query":"a","answers":{{"x":[]{answers}}}}}"#);
    let flooded = satellite(&line);
    let items = &flooded.response().flat.items;
    assert_eq!((items.len(), items.left_out), (128, 10_001 - 128));
    assert_eq!(MAX_FIELDS, 256);
}
