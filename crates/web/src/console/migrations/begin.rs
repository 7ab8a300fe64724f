//! A person begins the move of an account, without its owner having to log in first.

use axum::extract::State;
use transhume_model::directory::{Address, Secret};
use transhume_ops::begin_migration::begin_migration;

use crate::WebState;
use crate::console::answer::{Answer, lead_to, mendable, page, wrong_page};
use crate::console::form::{Faults, Field, Form, Kind, Sent};
use crate::console::frame::Frame;
use crate::console::list::FormPage;
use crate::gate::Visitor;

fn form_page(visitor: &Visitor, old_address: &str) -> FormPage {
    let fields = vec![
        Field::text("old_address", "Address on the old server", old_address)
            .required()
            .help("Its domain has to be one of a provider's."),
        Field::new("old_password", "Password on the old server", Kind::Password("off"))
            .help("Not needed where the provider has a master user."),
        Field::new("new_password", "Password here", Kind::Password("new-password")).help(
            "For an account that is not here yet. Without one, its owner logs in first with the password of the old \
             server.",
        ),
    ];
    let frame = Frame::of(&visitor.actor, &visitor.csrf, "/migrations", "New migration");
    FormPage {
        frame: frame.below("Migrations", "/migrations"),
        form: Form::new(fields),
        action: "/migrations/new".to_owned(),
        save: "Begin",
        back: "/migrations",
        told: vec![
            "People who log in begin their migration themselves. Here one is begun for somebody who does not.".to_owned(),
        ],
        may_save: true,
        see: None,
        remove: None,
    }
}

/// `GET /migrations/new`.
pub(crate) async fn new(visitor: Visitor) -> Answer {
    page(&form_page(&visitor, ""))
}

/// `POST /migrations/new`.
pub(crate) async fn begin(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let secret = |name| {
        let text = sent.raw(name);
        (!text.is_empty()).then(|| Secret::new(text.as_bytes().to_vec()))
    };
    let mut faults = Faults::default();
    if let Some(old) = faults.take("old_address", Address::parse(sent.text("old_address"))) {
        let (there, here) = (secret("old_password"), secret("new_password"));
        let begun = begin_migration(visitor.asked(&state), &old, there.as_ref(), here.as_ref());
        match begun.await {
            Ok(begun) => return lead_to(&format!("/migrations/{}?said=migration-created", begun.id)),
            Err(error) => faults = mendable(error)?,
        }
    }
    let mut page = form_page(&visitor, sent.text("old_address"));
    page.form = page.form.blamed(faults);
    wrong_page(&page)
}
