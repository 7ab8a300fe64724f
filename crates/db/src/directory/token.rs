//! Tokens, by which programs ask in somebody's name.

use transhume_model::directory::Login;

use super::link::Value;
use super::lookup::each;
use super::{DirectoryError, DirectoryPool, DirectoryTransaction, read};

/// A token, without what programs show. Times are seconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its number.
    pub id: i64,
    /// In whose name it asks.
    pub login: Login,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created: i64,
    /// When it was used last, to the minute; `None` is never.
    pub used: Option<i64>,
}

const COLUMNS: &str = "SELECT id, login, label, created, used FROM token";

impl DirectoryTransaction<'_> {
    /// Adds a token, by the digest of what programs will show. Returns its number.
    pub async fn add_token(
        &mut self,
        digest: &str,
        login: &Login,
        label: &str,
        created: i64,
    ) -> Result<i64, DirectoryError> {
        let statement =
            "INSERT INTO token (digest, login, label, created) VALUES ($1, $2, $3, $4) RETURNING id";
        let values = [
            Value::text(digest),
            Value::text(login.as_str()),
            Value::text(label),
            Value::number(created),
        ];
        let mut id = 0;
        let link = self.transaction.link();
        each(link, self.at, "token", statement.to_owned(), &values, |row| {
            id = row.number(0)?.unwrap_or_default();
            Ok(())
        })
        .await?;
        Ok(id)
    }

    /// How many tokens an account has.
    pub async fn count_tokens(&mut self, login: &Login) -> Result<u64, DirectoryError> {
        let question = "SELECT count(*) FROM token WHERE login = $1".to_owned();
        let values = [Value::text(login.as_str())];
        let mut count = 0;
        each(
            self.transaction.link(),
            self.at,
            "token",
            question,
            &values,
            |row| {
                count = row.count(0)?;
                Ok(())
            },
        )
        .await?;
        Ok(count)
    }

    /// Removes a token of an account. `false` where it has none of that number.
    pub async fn remove_token(&mut self, login: &Login, id: i64) -> Result<bool, DirectoryError> {
        let statement = "DELETE FROM token WHERE id = $1 AND login = $2".to_owned();
        let values = [Value::number(id), Value::text(login.as_str())];
        let removed = self.transaction.link().write(statement, &values, true).await;
        Ok(removed.map_err(|error| DirectoryError::heard(self.at, error))? > 0)
    }
}

impl DirectoryPool {
    /// The token of that digest.
    pub async fn token(&self, digest: &str) -> Result<Option<TokenRecord>, DirectoryError> {
        let question = format!("{COLUMNS} WHERE digest = $1");
        Ok(self.tokens(question, Value::text(digest)).await?.pop())
    }

    /// The tokens of an account, the oldest first.
    pub async fn tokens_of(&self, login: &Login) -> Result<Vec<TokenRecord>, DirectoryError> {
        let question = format!("{COLUMNS} WHERE login = $1 ORDER BY id");
        self.tokens(question, Value::text(login.as_str())).await
    }

    /// Notes that a token was used.
    pub async fn use_token(&self, id: i64, now: i64) -> Result<(), DirectoryError> {
        let statement = "UPDATE token SET used = $2 WHERE id = $1";
        self.write_alone(statement, &[Value::number(id), Value::number(now)])
            .await
            .map(drop)
    }

    async fn tokens(&self, question: String, value: Value<'_>) -> Result<Vec<TokenRecord>, DirectoryError> {
        let mut tokens = Vec::new();
        let mut lent = self.lend().await?;
        each(lent.link(), self.location(), "token", question, &[value], |row| {
            tokens.push(TokenRecord {
                id: row.number(0)?.unwrap_or_default(),
                login: read::name(row, 1, Login::parse)?,
                label: row.text(2)?,
                created: row.number(3)?.unwrap_or_default(),
                used: row.number(4)?,
            });
            Ok(())
        })
        .await?;
        Ok(tokens)
    }
}
