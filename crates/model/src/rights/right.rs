//! What can be asked.

/// What can be asked. One word for each thing; which role may is said here and nowhere else.
///
/// Where the reference's API answers people who may see nothing with an empty list, the word is *list*; *see* is for pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// One's own account.
    SeeProfile,
    /// One's own name, password, and tokens for the API.
    ChangeProfile,
    /// How far the move of one's own mail is.
    SeeOwnProgress,
    /// How everything stands, in numbers.
    SeeOverview,
    /// Providers.
    SeeProviders,
    /// Providers, as the API lists them.
    ListProviders,
    /// Adding, changing, removing providers.
    ChangeProviders,
    /// Having this server connect to any host: [`crate::directory::Role::SuperAdmins`] alone.
    CheckProviders,
    /// Migrations, their history, their errors.
    SeeMigrations,
    /// Migrations, as the API lists them.
    ListMigrations,
    /// Pause, resume, retry, cut-over, stop.
    SteerMigrations,
    /// Beginning the move of an account.
    AddMigrations,
    /// Deleting a migration with its history.
    DeleteMigrations,
    /// Domains and their other names.
    SeeDomains,
    /// Adding, changing, removing domains and their other names.
    ChangeDomains,
    /// Accounts and aliases.
    SeeIdentities,
    /// Adding, changing, removing accounts and aliases.
    ChangeIdentities,
    /// Domains and their other names from a CSV file.
    ImportDomains,
    /// Accounts and aliases from a CSV file.
    ImportIdentities,
    /// Accounts and aliases as CSV, with the hashes of passwords of accounts that one may change.
    Export,
    /// Taking over another platform's database.
    ConvertPlatform,
    /// The settings, to read.
    SeeSettings,
    /// The settings, to change.
    ChangeSettings,
    /// Who did what.
    SeeAudit,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::SeeProfile,
        Self::ChangeProfile,
        Self::SeeOwnProgress,
        Self::SeeOverview,
        Self::SeeProviders,
        Self::ListProviders,
        Self::ChangeProviders,
        Self::CheckProviders,
        Self::SeeMigrations,
        Self::ListMigrations,
        Self::SteerMigrations,
        Self::AddMigrations,
        Self::DeleteMigrations,
        Self::SeeDomains,
        Self::ChangeDomains,
        Self::SeeIdentities,
        Self::ChangeIdentities,
        Self::ImportDomains,
        Self::ImportIdentities,
        Self::Export,
        Self::ConvertPlatform,
        Self::SeeSettings,
        Self::ChangeSettings,
        Self::SeeAudit,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SeeProfile => "see-profile",
            Self::ChangeProfile => "change-profile",
            Self::SeeOwnProgress => "see-own-progress",
            Self::SeeOverview => "see-overview",
            Self::SeeProviders => "see-providers",
            Self::ListProviders => "list-providers",
            Self::ChangeProviders => "change-providers",
            Self::CheckProviders => "check-providers",
            Self::SeeMigrations => "see-migrations",
            Self::ListMigrations => "list-migrations",
            Self::SteerMigrations => "steer-migrations",
            Self::AddMigrations => "add-migrations",
            Self::DeleteMigrations => "delete-migrations",
            Self::SeeDomains => "see-domains",
            Self::ChangeDomains => "change-domains",
            Self::SeeIdentities => "see-identities",
            Self::ChangeIdentities => "change-identities",
            Self::ImportDomains => "import-domains",
            Self::ImportIdentities => "import-identities",
            Self::Export => "export",
            Self::ConvertPlatform => "convert-platform",
            Self::SeeSettings => "see-settings",
            Self::ChangeSettings => "change-settings",
            Self::SeeAudit => "see-audit",
        }
    }

    /// Whether it is about nobody but whoever asks.
    pub(super) fn is_own(self) -> bool {
        matches!(
            self,
            Self::SeeProfile | Self::ChangeProfile | Self::SeeOwnProgress
        )
    }

    pub(super) fn is_of_simple_users(self) -> bool {
        matches!(self, Self::ListProviders | Self::ListMigrations)
    }

    pub(super) fn is_of_domain_admins(self) -> bool {
        matches!(
            self,
            Self::SeeOverview
                | Self::SeeProviders
                | Self::ListProviders
                | Self::SeeMigrations
                | Self::ListMigrations
                | Self::SteerMigrations
                | Self::SeeDomains
                | Self::SeeIdentities
                | Self::ChangeIdentities
                | Self::ImportIdentities
                | Self::Export
                | Self::SeeSettings
        )
    }

    /// What domain administrators may, and domains of one's own.
    pub(super) fn is_of_resellers(self) -> bool {
        self.is_of_domain_admins() || matches!(self, Self::ChangeDomains | Self::ImportDomains)
    }
}
