//! Reports of the YAML years: real files, and whatever else may come.

use proptest::prelude::*;
use wirewitness_model::document::{Document, Value};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::yaml::{looks_like_yaml, read_report};

use crate::shared_files;

/// The one measurement of a real report; none where the collection is not there.
fn only_measurement(name: &str) -> Option<Value> {
    let (_, text) = shared_files::ooni(&[name]).pop()?;
    assert!(looks_like_yaml(text.as_bytes()));
    let mut found: Vec<Value> = read_report(&text).map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
    found.pop()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}")).into()
}

fn json(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).to_json()
}

fn keys(value: &Value) -> Vec<String> {
    value.entries().iter().map(|(key, _)| key.decoded().into()).collect()
}

#[test]
fn a_binary_city() {
    let Some(value) = only_measurement("fastpath-binary_city.yaml") else { return };
    assert_eq!(json(&value, "/probe_city"), r#"{"format":"base64","data":"UmV5a2phdu1r"}"#);
    assert_eq!(json(&value, "/options"), r#"["-f","citizenlab-urls-global.txt"]"#);
    assert_eq!(json(&value, "/start_time"), "1446726576.0");
    assert_eq!(json(&value, "/test_helpers"), "{}");
    assert_eq!(text(&value, "/backend_version"), "1.1.4");
    assert_eq!(json(&value, "/test_keys/headers_diff"), "{}");
    assert_eq!(json(&value, "/test_keys/body_proportion"), "1.0");
    assert_eq!(json(&value, "/test_keys/control_failure"), "null");
    assert_eq!(value.entries().len(), 17);
    assert_eq!(
        keys(value.field("test_keys").unwrap()).join(" "),
        "agent body_length_match body_proportion control_failure experiment_failure factor headers_diff headers_match"
    );
    let json = value.to_json();
    let m = Measurement::from_json(&json).unwrap();
    assert_eq!(m.test_name.as_str(), Some("http_requests"));
    assert_eq!(m.input().as_deref(), Some("http://666games.net"));
    assert_eq!(m.measurement_start_time.as_str(), Some("2015-11-05 12:29:36"));
    assert_eq!((m.probe_asn_number(), m.probe_cc.as_str()), (Some(51896), Some("IS")));
}

#[test]
fn stringified_answers_stay_and_a_binary_body_is_read() {
    let Some(value) = only_measurement("fastpath-dns_n_http_bin_body.yaml") else { return };
    assert_eq!(text(&value, "/test_version"), "0.1");
    assert_eq!(text(&value, "/test_keys/queries/0/query"), "[Query('360.cn', 1, 1)]");
    assert_eq!(
        json(&value, "/test_keys/queries/0/answers"),
        r#"[["<RR name=360.cn type=A class=IN ttl=300s auth=False>","<A address=106.120.167.66 ttl=300>"]]"#
    );
    assert_eq!(json(&value, "/test_keys/requests/0/request/tor"), r#"{"is_tor":false}"#);
    let json = value.to_json();
    let m = Measurement::from_json(&json).unwrap();
    assert_eq!(m.test_name.as_str(), Some("dns_n_http"));
    assert_eq!(m.input().as_deref(), Some("http://360.cn"));
    assert_eq!(m.measurement_start_time.as_str(), Some("2015-09-03 22:41:43"));
    let keys = m.test_keys.unwrap();
    assert_eq!(keys.queries.len(), 1);
    let [transaction] = keys.requests.as_ref() else { panic!("one request") };
    assert_eq!(transaction.request.url.as_str(), Some("http://360.cn"));
    let body = transaction.response.body.bytes().unwrap();
    assert!(
        body.starts_with(b"<!DOCTYPE html>\n<html>") && !transaction.response.body.is_damaged()
    );
}

#[test]
fn an_echo_is_read_with_its_bytes() {
    let Some(value) = only_measurement("fastpath-http_invalid_request_line.yaml") else { return };
    assert_eq!(text(&value, "/test_start_time"), "2018-07-26 23:37:23");
    assert_eq!(json(&value, "/test_keys/test_start_time"), "1532620222.0");
    assert_eq!(json(&value, "/test_runtime"), "8.056843996047974");
    assert_eq!(json(&value, "/input"), "null");
    assert_eq!(json(&value, "/test_helpers/backend"), r#""37.218.247.110""#);
    let received = value.pointer("/test_keys/received").unwrap().items();
    assert_eq!(received.len(), 4);
    assert_eq!(received[0].to_json(), r#""""#);
    assert_eq!(received[1].as_str().unwrap(), "GET / HTTP/vwj\n\r");
    assert_eq!(text(&received[2], "/data"), "ABu62TJ/AADAc+AgQXk5TGwgSHhNN1YKDQ==");
    let sent = value.pointer("/test_keys/sent").unwrap().items();
    assert_eq!((sent.len(), sent[0].as_str().unwrap().as_ref()), (4, "I5A6 / HTTP/1.1\n\r"));
    let long = sent[3].as_str().unwrap();
    assert!(
        long.starts_with("cg8LzCUAvyX0YfQT") && long.ends_with("mTFbTo / HTTP/1.1\n\r"),
        "{long}"
    );
    assert_eq!(value.pointer("/test_keys/tampering").and_then(Value::as_bool), Some(true));
    let json = value.to_json();
    let m = Measurement::from_json(&json).unwrap();
    assert_eq!(m.test_name.as_str(), Some("http_invalid_request_line"));
    assert_eq!(m.measurement_start_time.as_str(), Some("2018-07-26 15:50:22"));
    assert_eq!(m.input(), None);
}

#[test]
fn no_json_file_looks_like_yaml() {
    for (path, text) in shared_files::ooni(&[".json", ".json.pretty"]) {
        assert!(!looks_like_yaml(text.as_bytes()), "{}", path.display());
    }
}

#[test]
fn every_cut_of_a_real_report_is_answered() {
    for (path, text) in shared_files::ooni(&[".yaml"]) {
        for cut in 0..text.len() {
            for found in read_report(&text[..cut]) {
                match found {
                    Ok(value) => assert!(Measurement::from_json(&value.to_json()).is_ok()),
                    Err(error) => assert!(error.offset <= cut, "{}: {error}", path.display()),
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_comes_in_is_answered(text in "(---|\\.\\.\\.|[a-c]|: |- |\\? |\n|  |[\\[\\]{},&*!|>'\"#%]|!!binary |!!set |1\\.0|~|é){0,40}") {
        for found in read_report(&text) {
            match found {
                Ok(value) => {
                    let json = value.to_json();
                    prop_assert_eq!(Document::parse(&json).unwrap().into_root(), value);
                    prop_assert!(Measurement::from_json(&json).is_ok());
                }
                Err(error) => prop_assert!(text.is_char_boundary(error.offset) && error.line > 0),
            }
        }
    }

    #[test]
    fn a_string_in_quotes_is_that_string(text in "[ -~\u{a0}-\u{2027}]{0,30}") {
        let report = format!("test_name: t\n---\nbody: '{}'\n", text.replace('\'', "''"));
        let value = read_report(&report).next().unwrap().unwrap();
        prop_assert_eq!(value.pointer("/test_keys/body").unwrap().as_str().unwrap(), text);
    }
}
