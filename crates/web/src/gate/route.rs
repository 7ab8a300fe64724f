//! A line of the table.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use transhume_model::rights::Right;

use crate::WebState;

/// What can be asked, and who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// The method; a GET answers HEAD as well.
    pub method: Method,
    /// The path, with the names of its variable parts in braces.
    pub path: &'static str,
    /// How it is asked.
    pub kind: Kind,
    /// The right that it takes; `None` is nobody's in particular.
    pub right: Option<Right>,
    /// Whether files come with it.
    pub uploads: bool,
}

/// How something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page, by a browser.
    Page,
    /// A form of a page.
    Form,
    /// By a program: the API.
    Api,
}

/// A line of the table: what can be asked, and what answers.
pub(crate) struct Route {
    pub(super) entrance: Entrance,
    pub(super) answer: MethodRouter<WebState>,
}

impl Route {
    /// A page.
    pub(crate) fn page<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Kind::Page, Method::GET, path, Some(right), handler)
    }

    /// What a form of a page asks for. Its first field is `csrf`, with [`super::Visitor::csrf`].
    pub(crate) fn form<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Kind::Form, Method::POST, path, Some(right), handler)
    }

    /// What a program asks for.
    pub(crate) fn api<H, T>(method: Method, path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        Self::new(Kind::Api, method, path, Some(right), handler)
    }

    /// A page or a form for whom nobody has to be known. A form has to come from one of our pages nevertheless.
    pub(crate) fn open<H, T>(method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        let kind = if method == Method::GET {
            Kind::Page
        } else {
            Kind::Form
        };
        Self::new(kind, method, path, None, handler)
    }

    /// The same, with files.
    pub(crate) fn uploads(mut self) -> Self {
        self.entrance.uploads = true;
        self
    }

    fn new<H, T>(kind: Kind, method: Method, path: &'static str, right: Option<Right>, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        let filter = match method {
            Method::POST => MethodFilter::POST,
            Method::PUT => MethodFilter::PUT,
            Method::PATCH => MethodFilter::PATCH,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        Self {
            entrance: Entrance {
                method,
                path,
                kind,
                right,
                uploads: false,
            },
            answer: on(filter, handler),
        }
    }
}
