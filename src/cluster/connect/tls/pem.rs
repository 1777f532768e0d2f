//! PEM as Go's `pem.Decode` reads it: each block stands alone, and a malformed one does not affect the others.

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// A block of a PEM text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// `CERTIFICATE`.
    pub(super) label: &'a str,
    /// `None` if it is not base64 from its beginning to its end.
    pub(super) der: Option<Vec<u8>>,
    /// `true` if its content is encrypted: `Proc-Type: 4,ENCRYPTED` (RFC 1421).
    pub(super) encrypted: bool,
}

/// The blocks of `text`, in their order.
pub(super) fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    // Bytes that are not UTF-8 can only stand between the blocks, as comments do.
    text.utf8_chunks().flat_map(|chunk| chunk.valid().split(BEGIN).skip(1)).filter_map(block).collect()
}

/// Text after `-----BEGIN `; `None` if that is not the beginning of a block.
fn block(text: &str) -> Option<Block<'_>> {
    let (label, rest) = text.split_once(DASHES).filter(|(label, _)| !label.contains('\n'))?;
    let encrypted = rest.contains("ENCRYPTED") && rest.contains("Proc-Type:");
    let der = rest.split_once("-----END ").filter(|(_, end)| end.starts_with(label)).and_then(|(body, _)| {
        // The text is reformatted: the reader requires line breaks, Go does not.
        let body: String = body.split_ascii_whitespace().collect();
        let canonical = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        CertificateDer::from_pem_slice(canonical.as_bytes()).ok().map(|der| der.to_vec())
    });
    Some(Block { label, der: der.filter(|der| !der.is_empty()), encrypted })
}
