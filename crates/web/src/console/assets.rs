//! What the pages need besides themselves: one sheet, one script, one picture. They are part of the binary, and their names
//! change with them: a browser may keep each of them for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// A file of the binary.
pub(super) struct Asset {
    /// Where it is.
    pub(super) href: String,
    kind: &'static str,
    bytes: &'static [u8],
}

/// The look of all pages.
pub(super) static SHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "console",
        "css",
        "text/css; charset=utf-8",
        include_bytes!("../../assets/console.css"),
    )
});

/// What makes them livelier.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "console",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../assets/console.js"),
    )
});

/// The picture in the browser's tab.
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_bytes!("../../assets/icon.svg"),
    )
});

impl Asset {
    fn new(name: &str, ending: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let mark = digest.iter().take(6).fold(String::new(), |mut text, octet| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        });
        Self {
            href: format!("/assets/{name}.{mark}.{ending}"),
            kind,
            bytes,
        }
    }
}

/// `GET /assets/{name}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let all = [&*SHEET, &*SCRIPT, &*ICON];
    let found = all
        .into_iter()
        .find(|asset| asset.href.strip_prefix("/assets/") == Some(&name));
    match found {
        Some(asset) => (
            [
                (CONTENT_TYPE, asset.kind),
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.bytes,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
