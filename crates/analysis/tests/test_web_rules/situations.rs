//! Situations that more than one table uses.

use crate::world::{Page, World};

/// A site whose every page redirects to the next, eleven times.
pub(crate) fn going_in_circles() -> World {
    let paths = ["/10", "/9", "/8", "/7", "/6", "/5", "/4", "/3", "/2", "/1", "/"];
    let last = World::https("news.example").path("/11").request_fails_after(
        Page::redirect("https://news.example/12"),
        "unknown_failure: stopped after too many redirects",
    );
    paths
        .into_iter()
        .fold(last, |rest, path| World::https("news.example").path(path).redirects_to(rest))
        .control_request_fails("unknown_error")
}

/// A challenge of a service in front of the site.
pub(crate) fn challenge() -> Page {
    Page::titled("Just a moment...").status(403).header("cf-mitigated", "challenge")
}

/// What a service tells visitors of some countries.
pub(crate) fn not_in_your_country() -> Page {
    Page::titled("Sorry").status(403).text("This service is not available in your country.")
}
