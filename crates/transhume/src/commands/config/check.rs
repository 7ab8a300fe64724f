//! `transhume config check`: whether the configuration is right, and what it comes to.

use std::fmt::Write as _;

use transhume_db::Sealer;

use crate::config::DirectoryOptions;
use crate::config::said::of_process;
use crate::exit::{Exit, Failure};
use crate::service::has_program;

/// Reads the configuration as the service would, and tells what holds. Nothing is made, and no server is asked.
pub(super) fn check(options: &DirectoryOptions) -> Result<String, Failure> {
    let config = options.config()?;
    let directory = options.location(&config)?;
    let service = config.service(&of_process)?;
    let owner = service.mail_owner(&config)?;
    let login = config.login(&of_process)?;
    let console = config.console(&of_process)?;
    let key = config.key_file(&directory);
    // A key that is not there yet is made when it is needed.
    let has_key = key.exists();
    if has_key {
        Sealer::open(&key).map_err(|error| Failure::new(Exit::Usage, error, ""))?;
    }
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{name:<28}{value}");
    };
    line("directory", &directory);
    let made = if has_key { "" } else { " (to be made)" };
    line("secrets.key-file", &format!("{}{made}", key.display()));
    line("service.listen", &service.listen);
    line("service.state-dir", &service.state.display());
    line(
        "service.name",
        &service.name.as_deref().unwrap_or("(machine and process number)"),
    );
    line("service.lease", &format!("{} seconds", service.lease.as_secs()));
    line("mail.folder", &service.mail.display());
    line(
        "mail.owner",
        &format!("{} ({}:{})", service.owner.value, owner.uid, owner.gid),
    );
    let doveadm = match &service.doveadm {
        None => "false",
        Some(_) if has_program("doveadm") => "true",
        Some(_) => "true (but it is not on this machine: the service will not start)",
    };
    line("mail.doveadm", &doveadm);
    let guard = &login.guard;
    for (name, allowance) in [
        ("login.per-network", guard.per_network),
        ("login.per-account", guard.per_account),
        ("login.per-provider", guard.per_provider),
    ] {
        let (burst, every) = (allowance.burst, allowance.every.as_millis());
        line(name, &format!("{burst} at once, then one every {every} ms"));
    }
    line(
        "login.remember-wrong",
        &format!("{} ms", guard.remember_wrong.as_millis()),
    );
    line("login.hook-secret-file", &login.hook_secret.is_some());
    match console.listen {
        Some(at) => line("console.listen", &at),
        None => line("console.listen", &"off"),
    }
    line(
        "console.address",
        &if console.rules.is_secure {
            "by TLS"
        } else {
            "in clear"
        },
    );
    line("console.behind-proxy", &console.rules.is_behind_proxy);
    line("console.per-minute", &console.rules.per_minute);
    text.push_str("The configuration is right.\n");
    Ok(text)
}
