//! The whole database, table by table, within one transaction.

use transhume_model::import::postfixadmin::{Row, Source, Table};

use super::dialect::{Cells, Reader};
use super::{ForeignError, ForeignLocation, TableNames};

/// Tables without which a database is no PostfixAdmin's, with the column that says so.
const NEEDED: [(Table, &str); 3] = [
    (Table::Domain, "domain"),
    (Table::Mailbox, "username"),
    (Table::Alias, "goto"),
];

/// Tables of which the number of rows is enough.
const COUNTED: [Table; 5] = [
    Table::VacationNotification,
    Table::Quota,
    Table::Quota2,
    Table::AdminPreferences,
    Table::Log,
];

struct Reading<'r> {
    at: &'r ForeignLocation,
    names: &'r TableNames,
    reader: Reader,
    source: Source,
    /// Names of the tables that are there.
    there: Vec<String>,
}

pub(super) async fn database(at: &ForeignLocation, names: &TableNames) -> Result<Source, ForeignError> {
    let reader = Reader::open(&at.engine)
        .await
        .map_err(|error| ForeignError::heard(at, error))?;
    let mut reading = Reading {
        at,
        names,
        reader,
        source: Source::default(),
        there: Vec::new(),
    };
    for (table, column) in NEEDED {
        reading.need(table, column).await?;
    }
    reading.source.domains = reading.rows().await?;
    reading.source.alias_domains = reading.rows().await?;
    reading.source.mailboxes = reading.rows().await?;
    reading.source.aliases = reading.rows().await?;
    reading.source.admins = reading.rows().await?;
    reading.source.domain_admins = reading.rows().await?;
    reading.source.vacations = reading.rows().await?;
    reading.source.fetchmail = reading.rows().await?;
    reading.source.dkim = reading.rows().await?;
    reading.source.dkim_signing = reading.rows().await?;
    reading.source.app_passwords = reading.rows().await?;
    reading.source.totp_exceptions = reading.rows().await?;
    reading.source.config = reading.rows().await?;
    for table in COUNTED {
        reading.count(table).await?;
    }
    reading.end().await
}

impl Reading<'_> {
    fn heard(&self) -> impl Fn(sqlx::Error) -> ForeignError + use<> {
        let at = self.at.clone();
        move |error| ForeignError::heard(&at, error)
    }

    async fn need(&mut self, table: Table, column: &'static str) -> Result<(), ForeignError> {
        let heard = self.heard();
        let name = self.names.of(table);
        let columns = self.reader.columns(&name).await.map_err(heard)?;
        if columns.iter().any(|there| there == column) {
            return Ok(());
        }
        let (at, table) = (self.at.clone(), name);
        Err(ForeignError::NotPostfixAdmin { at, table, column })
    }

    /// All rows of a kind; none where the database has no such table.
    async fn rows<R: Row>(&mut self) -> Result<Vec<R>, ForeignError> {
        let heard = self.heard();
        let name = self.names.of(R::TABLE);
        let there = self.reader.columns(&name).await.map_err(&heard)?;
        // A table whose first column is missing is another program's.
        let first = R::COLUMNS.first().map_or("", |(column, _)| column);
        if !there.iter().any(|there| there == first) {
            return Ok(Vec::new());
        }
        let (mut rows, mut not_utf8) = (Vec::new(), 0);
        let take = |cells: Cells| {
            let cells = cells
                .into_iter()
                .map(|cell| cell.map(|octets| text(octets, &mut not_utf8)));
            rows.push(R::read(cells.collect()));
        };
        self.reader
            .rows(&name, R::COLUMNS, &there, take)
            .await
            .map_err(heard)?;
        self.source.not_utf8 += not_utf8;
        self.there.push(name);
        Ok(rows)
    }

    async fn count(&mut self, table: Table) -> Result<(), ForeignError> {
        let heard = self.heard();
        let name = self.names.of(table);
        if self.reader.columns(&name).await.map_err(&heard)?.is_empty() {
            return Ok(());
        }
        let rows = self.reader.count(&name).await.map_err(heard)?;
        self.source.counted.push((table, rows));
        Ok(())
    }

    async fn end(mut self) -> Result<Source, ForeignError> {
        let heard = self.heard();
        let unsteady = self.reader.unsteady(&self.there).await.map_err(&heard)?;
        if !unsteady.is_empty() {
            self.source.warnings.push(format!(
                "the database cannot show these tables at one moment, since they are not InnoDB: {}. Change nothing in \
                 PostfixAdmin meanwhile, or run this once more afterwards",
                unsteady.join(", ")
            ));
        }
        self.reader.close().await.map_err(heard)?;
        Ok(self.source)
    }
}

/// Octets as text, without NULs, which no database of ours keeps. What is no UTF-8 is Latin-1: every octet is a letter there.
fn text(mut octets: Vec<u8>, not_utf8: &mut u64) -> String {
    octets.retain(|octet| *octet != 0);
    String::from_utf8(octets).unwrap_or_else(|error| {
        *not_utf8 += 1;
        error.into_bytes().into_iter().map(char::from).collect()
    })
}
