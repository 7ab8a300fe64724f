//! A PostfixAdmin database is taken over through a page, in somebody's name: looked at first, then converted.

use tokio::runtime::Handle;
use transhume_db::SealError;
use transhume_db::foreign::postfixadmin::{ForeignError, ForeignLocation, TableNames};
use transhume_model::directory::{DomainName, RemoteMailbox, Secret};
use transhume_model::import::postfixadmin::{ClearText, Options, Report};

use crate::Asked;
use crate::admit_login::Surroundings;
use crate::asked::ChangeError;
use crate::audit::{self, Did};
use crate::convert_postfixadmin::{
    Conversion, ConvertError, PostfixadminSource, REMOTE_MAILBOXES, convert_postfixadmin,
    preview_postfixadmin,
};

/// A PostfixAdmin, as somebody has described it. It may hold the password of its database, which `Debug` does not show.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Its database.
    pub at: ForeignLocation,
    /// What the names of its tables begin with.
    pub prefix: String,
    /// The domain of its absence program, where that is not a usual one.
    pub vacation_domain: Option<DomainName>,
    /// Which of its passwords are stored as they are.
    pub clear_text: ClearText,
    /// Where a mailbox and an administrator have one name, the administrator's password is the account's.
    pub administrators_password: bool,
}

/// What would become of every row, and whether anything would be new.
pub async fn preview_platform(asked: Asked<'_>, platform: &Platform) -> Result<(Report, bool), ChangeError> {
    let conversion = carry_out(asked, platform, true).await?;
    Ok((conversion.report, conversion.changed))
}

/// Takes it over, and says what has become of every row.
pub async fn convert_platform(asked: Asked<'_>, platform: &Platform) -> Result<Report, ChangeError> {
    let report = carry_out(asked, platform, false).await?.report;
    let written: usize = report.tables.iter().map(|table| table.written).sum();
    let told = format!("{written} rows");
    audit::note(asked, Did::Converted, &platform.at.to_string(), &told).await?;
    Ok(report)
}

async fn carry_out(asked: Asked<'_>, platform: &Platform, dry_run: bool) -> Result<Conversion, ChangeError> {
    let source = PostfixadminSource {
        at: platform.at.clone(),
        names: TableNames {
            prefix: platform.prefix.clone(),
            ..TableNames::default()
        },
        options: Options {
            vacation_domain: platform.vacation_domain.clone(),
            clear_text: platform.clear_text,
            administrators_password: platform.administrators_password,
            ..Options::new(asked.now())
        },
    };
    let around = asked.around.clone();
    let handle = Handle::current();
    // A large platform occupies a core for a while, and others want to be answered.
    let work = move || handle.block_on(with(&around, &source, dry_run));
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ChangeError::Internal(error.to_string()))?
}

async fn with(
    around: &Surroundings,
    source: &PostfixadminSource,
    dry_run: bool,
) -> Result<Conversion, ChangeError> {
    let target = around.directory.location();
    let seal = |remote: &RemoteMailbox, password: &Secret| -> Result<String, SealError> {
        around
            .sealer
            .seal(REMOTE_MAILBOXES, &remote.to_string(), password.reveal())
    };
    let converted = if dry_run {
        preview_postfixadmin(source, target).await
    } else {
        convert_postfixadmin(source, target, &seal).await
    };
    converted.map_err(told)
}

/// What a person can mend is told at the field that it is about.
fn told(error: ConvertError) -> ChangeError {
    match error {
        ConvertError::Source(error) => {
            let field = match error {
                ForeignError::Refused { .. } => "password",
                _ => "from",
            };
            ChangeError::refused(field, error)
        }
        ConvertError::Directory(error) => error.into(),
        ConvertError::Seal(error) => error.into(),
    }
}
