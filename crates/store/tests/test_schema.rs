//! The page about tables is made from the code.

#[test]
fn the_page_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
    let page = wirewitness_store::schema::page();
    if std::env::var_os("WW_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert_eq!(kept, page, "WW_WRITE_DOCS=1 cargo test -p wirewitness-store the_page_is writes it");
}
