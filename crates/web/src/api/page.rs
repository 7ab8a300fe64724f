//! Lists: whole, as Modoboa answers them, or page by page where a page is asked for.

use axum::Json;
use axum::extract::{FromRequestParts, RawQuery};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use transhume_db::directory::Paging;

use super::problem::{Faults, Problem};

/// Things on a page, unless another number is asked for.
const USUAL: u32 = 100;
/// The most things on a page.
const MOST: u32 = 1_000;

/// What stands behind the `?` of a request.
pub(crate) struct Query {
    path: String,
    pairs: Vec<(String, String)>,
}

/// The page that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Its number, from 1.
    pub(crate) page: u32,
    /// Things on it.
    pub(crate) size: u32,
}

/// One page of a list.
#[derive(Serialize)]
pub(crate) struct Page<T> {
    /// How many there are on all pages together.
    pub(crate) count: u64,
    /// Where the next page is.
    pub(crate) next: Option<String>,
    /// Where the page before it is.
    pub(crate) previous: Option<String>,
    /// What is on this page.
    pub(crate) results: Vec<T>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, state).await;
        Ok(Self::parse(
            parts.uri.path(),
            query.as_deref().unwrap_or_default(),
        ))
    }
}

impl Query {
    fn parse(path: &str, query: &str) -> Self {
        Self {
            path: path.to_owned(),
            pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }

    /// What was said, without blanks around it; nothing where it is empty. The last counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut said = self.pairs.iter().rev();
        let (_, value) = said.find(|(said, _)| said == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// What was said, as one of what it can mean.
    pub(crate) fn choice<T>(
        &self,
        name: &str,
        named: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(word) = self.get(name) else {
            return Ok(None);
        };
        let shown: String = word.chars().take(50).collect();
        let wrong = || {
            let what = format!("Select a valid choice. {shown} is not one of the available choices.");
            Faults::one(name, what).into()
        };
        named(word).map(Some).ok_or_else(wrong)
    }

    /// Yes or no.
    pub(crate) fn switch(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.choice(name, |word| match word.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        })
    }

    /// The page that is asked for; `None` is the whole list.
    pub(crate) fn page(&self) -> Result<Option<Asked>, Problem> {
        let (page, size) = (self.get("page"), self.get("page_size"));
        if page.is_none() && size.is_none() {
            return Ok(None);
        }
        let number = |text: Option<&str>, usual| match text {
            None => Some(usual),
            Some(text) => text.parse().ok().filter(|number| *number > 0),
        };
        let page = number(page, 1).ok_or_else(no_such_page)?;
        let size = number(size, USUAL).map(|size| size.min(MOST));
        let size = size.ok_or_else(|| Faults::one("page_size", "A valid integer is required."))?;
        Ok(Some(Asked { page, size }))
    }

    /// A list as it was asked for: whole, or the page of it that `rows` are.
    pub(crate) fn answer<T: Serialize>(
        &self,
        asked: Option<Asked>,
        count: u64,
        rows: impl Iterator<Item = T>,
    ) -> Result<Response, Problem> {
        let rows: Vec<T> = rows.collect();
        Ok(match asked {
            None => Json(rows).into_response(),
            Some(asked) => Json(self.paged(asked, count, rows)?).into_response(),
        })
    }

    /// A list that is all in memory, as it was asked for.
    pub(crate) fn answer_of<T: Serialize>(&self, all: Vec<T>) -> Result<Response, Problem> {
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        match self.page()? {
            None => self.answer(None, count, all.into_iter()),
            Some(asked) => self.answer(Some(asked), count, asked.of(all).into_iter()),
        }
    }

    /// A page of a list of `count`.
    fn paged<T>(&self, asked: Asked, count: u64, results: Vec<T>) -> Result<Page<T>, Problem> {
        let last = count.div_ceil(u64::from(asked.size)).max(1);
        if u64::from(asked.page) > last {
            return Err(no_such_page());
        }
        let neighbour = |page: u32| Some(self.at_page(page));
        Ok(Page {
            count,
            next: (u64::from(asked.page) < last)
                .then(|| neighbour(asked.page + 1))
                .flatten(),
            previous: (asked.page > 1).then(|| neighbour(asked.page - 1)).flatten(),
            results,
        })
    }

    /// The same question about another page; relative to the server, whatever name it is reached by.
    fn at_page(&self, page: u32) -> String {
        let others = self.pairs.iter().filter(|(name, _)| name != "page");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("page", &page.to_string())
            .finish();
        format!("{}?{query}", self.path)
    }
}

fn no_such_page() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "Invalid page.")
}

impl From<Asked> for Paging {
    fn from(Asked { page, size }: Asked) -> Self {
        Self { page, size }
    }
}

impl Asked {
    /// A list that is all in memory, down to the page.
    pub(crate) fn of<T>(self, all: Vec<T>) -> Vec<T> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let before = usize::try_from(self.page - 1)
            .unwrap_or(usize::MAX)
            .saturating_mul(size);
        all.into_iter().skip(before).take(size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_whole_unless_a_page_is_asked_for() {
        for (query, page) in [
            ("", Ok(None)),
            ("search=x", Ok(None)),
            ("page=2", Ok(Some((2, 100)))),
            ("page_size=5", Ok(Some((1, 5)))),
            ("page=3&page_size=100000", Ok(Some((3, 1000)))),
            ("page=0", Err(404)),
            ("page=-1", Err(404)),
            ("page=x", Err(404)),
            ("page=99999999999", Err(404)),
            ("page_size=x", Err(400)),
        ] {
            let asked = Query::parse("/x/", query).page();
            let asked = match asked {
                Ok(asked) => Ok(asked.map(|asked| (asked.page, asked.size))),
                Err(problem) => Err(problem.body()["status"].as_u64().unwrap()),
            };
            assert_eq!(asked, page, "{query}");
        }
    }

    #[test]
    fn pages_name_their_neighbours() {
        let query = Query::parse("/x/", "search=a%26b&page=2&page_size=2");
        let asked = query.page().unwrap().unwrap();
        assert_eq!(asked.of(vec![1, 2, 3, 4, 5]), [3, 4]);
        let page = query.paged(asked, 5, vec![3, 4]).ok().unwrap();
        let at = |page: &str| Some(format!("/x/?search=a%26b&page_size=2&page={page}"));
        assert_eq!((page.next, page.previous), (at("3"), at("1")));
        let page = query.paged(asked, 4, vec![3, 4]).ok().unwrap();
        assert_eq!(page.next, None);
        assert!(query.paged(asked, 2, Vec::<u8>::new()).is_err());
        let first = Asked { page: 1, size: 2 };
        let page = query.paged(first, 0, Vec::<u8>::new()).ok().unwrap();
        assert_eq!((page.count, page.next, page.previous), (0, None, None));
    }
}
