//! The tables as a page of Markdown.

use std::fmt::Write as _;

use super::{TABLES, VERSION};

/// `docs/schema.md`: every table and column, from the code that writes them.
pub fn page() -> String {
    let mut page = format!(
        "# Tables of the archive\n\nSchema version {VERSION}. This page is made from the code (`crates/store/src/schema`). Partitioned tables also have \
         `country` (text, two letters of ISO 3166-1, `ZZ` where not known) and `day` (date, UTC), taken from the names of their folders.\n\
         Each table is a Delta table (a folder with `_delta_log`): DuckDB, Spark, pandas and pyarrow read it as it is; [archive.md](archive.md) says how.\n"
    );
    for table in TABLES {
        let partitioned = if table.is_partitioned { ", by country and day" } else { "" };
        let _ = write!(
            page,
            "\n## `{}`\n\n{} Sorted within a file by {}{partitioned}.\n\n| column | type | null | what it says |\n|---|---|---|---|\n",
            table.name,
            table.says,
            table.sorted_by.join(", "),
        );
        for column in table.columns {
            let null = if column.is_nullable { "yes" } else { "no" };
            let _ = writeln!(
                page,
                "| `{}` | {} | {null} | {} |",
                column.name,
                column.kind.sql(),
                column.says
            );
        }
    }
    page
}
