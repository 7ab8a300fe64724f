//! Certificates for test servers, made by the `openssl` program. They are for 127.0.0.1 only; keys are
//! not protected, and nothing here may be used outside a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::encode;
use crate::error::TestkitError;

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub cert_pem: PathBuf,
    /// Its private key.
    pub key_pem: PathBuf,
    /// SHA-256 of the certificate in DER form.
    pub sha256_hex: String,
}

/// A private certificate authority and one server certificate it signed for `localhost` and 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The authority's own certificate: the file for `SSL_CERT_FILE`.
    pub ca_pem: PathBuf,
    /// The server's certificate and key.
    pub server: Certificate,
}

/// An own configuration, because the system's may add extensions of its own.
const CONFIG: &str = "[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
";

const NEW_KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
];

/// Makes a self-signed server certificate in `dir`.
pub fn self_signed(dir: &Path) -> Result<Certificate, TestkitError> {
    prepare(dir)?;
    let mut args = vec![
        "req",
        "-x509",
        "-config",
        "openssl.cnf",
        "-extensions",
        "leaf",
        "-days",
        "3650",
    ];
    args.extend(NEW_KEY);
    args.extend(["-keyout", "server.key", "-out", "server.pem"]);
    openssl(dir, &args)?;
    certificate(dir)
}

/// Makes an authority and a server certificate signed by it in `dir`.
pub fn authority(dir: &Path) -> Result<Authority, TestkitError> {
    prepare(dir)?;
    let mut args = vec![
        "req",
        "-x509",
        "-config",
        "openssl.cnf",
        "-extensions",
        "authority",
        "-days",
        "3650",
    ];
    args.extend(NEW_KEY);
    args.extend([
        "-subj",
        "/CN=Test authority",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ]);
    openssl(dir, &args)?;
    let mut args = vec!["req", "-new", "-config", "openssl.cnf"];
    args.extend(NEW_KEY);
    args.extend(["-keyout", "server.key", "-out", "server.csr"]);
    openssl(dir, &args)?;
    let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
                -extfile openssl.cnf -extensions leaf -out server.pem";
    openssl(dir, &sign.split_whitespace().collect::<Vec<_>>())?;
    Ok(Authority {
        ca_pem: dir.join("ca.pem"),
        server: certificate(dir)?,
    })
}

fn prepare(dir: &Path) -> Result<(), TestkitError> {
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(dir.join("openssl.cnf"), CONFIG))
        .map_err(TestkitError::io(format!("preparing {}", dir.display())))
}

fn openssl(dir: &Path, args: &[&str]) -> Result<(), TestkitError> {
    let output = Command::new("openssl")
        .args(args)
        .current_dir(dir)
        .output()
        .map_err(|source| {
            if source.kind() == std::io::ErrorKind::NotFound {
                TestkitError::Missing("openssl".into())
            } else {
                TestkitError::io("openssl")(source)
            }
        })?;
    if output.status.success() {
        return Ok(());
    }
    let detail = format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Err(TestkitError::Command {
        program: format!("openssl {}", args.join(" ")),
        detail,
    })
}

fn certificate(dir: &Path) -> Result<Certificate, TestkitError> {
    let cert_pem = dir.join("server.pem");
    let pem = fs::read_to_string(&cert_pem).map_err(TestkitError::io(cert_pem.display().to_string()))?;
    let body: String = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN CERTIFICATE"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    let der = encode::unbase64(&body).filter(|der| !der.is_empty());
    let der = der.ok_or_else(|| TestkitError::Protocol(format!("{} is no PEM", cert_pem.display())))?;
    Ok(Certificate {
        sha256_hex: encode::hex(&Sha256::digest(&der)),
        cert_pem,
        key_pem: dir.join("server.key"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str], dir: &Path) -> String {
        let output = Command::new("openssl")
            .args(args)
            .current_dir(dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn fingerprint_is_what_openssl_says() {
        let dir = tempfile::tempdir().unwrap();
        let made = self_signed(dir.path()).unwrap();
        let said = run(
            &["x509", "-in", "server.pem", "-noout", "-fingerprint", "-sha256"],
            dir.path(),
        );
        let said = said
            .split('=')
            .nth(1)
            .unwrap()
            .trim()
            .replace(':', "")
            .to_lowercase();
        assert_eq!(said, made.sha256_hex);
    }

    #[test]
    fn the_authority_vouches_for_the_server() {
        let dir = tempfile::tempdir().unwrap();
        authority(dir.path()).unwrap();
        let said = run(
            &[
                "verify",
                "-CAfile",
                "ca.pem",
                "-verify_hostname",
                "localhost",
                "server.pem",
            ],
            dir.path(),
        );
        assert!(said.contains("OK"), "{said}");
        run(
            &[
                "verify",
                "-CAfile",
                "ca.pem",
                "-verify_ip",
                "127.0.0.1",
                "server.pem",
            ],
            dir.path(),
        );
    }
}
