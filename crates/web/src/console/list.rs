//! Lists of the directory's things, which look alike, and the forms by which one of them is added or changed.

use askama::Template;

use super::form::{Form, Kind};
use super::frame::Frame;
use super::pages::Pages;

/// A list.
#[derive(Template)]
#[template(path = "directory/list.html")]
pub(super) struct List {
    pub(super) frame: Frame,
    /// Its own address.
    pub(super) path: &'static str,
    /// What is looked for.
    pub(super) text: String,
    /// What can be done beside it.
    pub(super) acts: Vec<Act>,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Line>,
    pub(super) pages: Pages,
    /// What is said where there is nothing.
    pub(super) nothing: &'static str,
}

/// What can be done beside a list.
pub(super) struct Act {
    pub(super) name: &'static str,
    pub(super) href: &'static str,
    pub(super) is_first: bool,
}

/// A line of a list.
pub(super) struct Line {
    pub(super) name: String,
    /// Its own page, for those who may see it.
    pub(super) href: Option<String>,
    pub(super) is_enabled: bool,
    pub(super) cells: Vec<Cell>,
}

/// A cell, and the name of its column.
pub(super) struct Cell {
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// A form of its own page.
#[derive(Template)]
#[template(path = "plain_form.html")]
pub(super) struct FormPage {
    pub(super) frame: Frame,
    pub(super) form: Form,
    /// Where it is sent.
    pub(super) action: String,
    /// What its button says.
    pub(super) save: &'static str,
    /// Where it leads back to.
    pub(super) back: &'static str,
    /// What is said above it.
    pub(super) told: Vec<String>,
    /// Whether they may.
    pub(super) may_save: bool,
    /// Another page about the same thing, and what it is called.
    pub(super) see: Option<(String, &'static str)>,
    /// How the thing is removed.
    pub(super) remove: Option<Removal>,
}

/// How a thing is removed.
pub(super) struct Removal {
    pub(super) action: String,
    pub(super) question: String,
}

/// The acts of which somebody may do each: name, address, whether it is the first one, whether they may.
pub(super) fn acts(acts: &[(&'static str, &'static str, bool, bool)]) -> Vec<Act> {
    let allowed = acts.iter().filter(|(_, _, _, may)| *may);
    allowed
        .map(|&(name, href, is_first, _)| Act { name, href, is_first })
        .collect()
}

/// Cells under their columns; the first column is the line's name.
pub(super) fn cells<const N: usize>(columns: &[&'static str], texts: [String; N]) -> Vec<Cell> {
    let columns = columns.iter().skip(1);
    columns
        .zip(texts)
        .map(|(label, text)| Cell { label, text })
        .collect()
}

/// Yes or no, for a person.
pub(super) fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
