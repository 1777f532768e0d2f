//! The byte order mark of UTF-8, which some proxies put before JSON. RFC 8259, section 8.1, allows a reader to ignore it.

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Strips the mark from the front of a body that arrives in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ByteOrderMark {
    /// Matched bytes of the mark so far.
    matched: usize,
    over: bool,
}

impl ByteOrderMark {
    /// Returns the bytes to read for the next piece: first bytes of earlier pieces that turned out not to be the mark, then the rest.
    pub(super) fn strip<'a>(&mut self, piece: &'a [u8]) -> [&'a [u8]; 2] {
        if self.over {
            return [&[], piece];
        }
        let missing = &MARK[self.matched..];
        if piece.len() < missing.len() && missing.starts_with(piece) {
            self.matched += piece.len();
            return [&[], &[]];
        }
        self.over = true;
        match piece.strip_prefix(missing) {
            Some(rest) => [&[], rest],
            None => [&MARK[..self.matched], piece],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], size: usize) -> Vec<u8> {
        let mut mark = ByteOrderMark::default();
        body.chunks(size).flat_map(|piece| mark.strip(piece).concat()).collect()
    }

    #[test]
    fn the_mark_goes_and_everything_else_stays_however_it_is_cut() {
        for size in 1..8 {
            assert_eq!(read(b"\xef\xbb\xbf{\"a\":1}", size), b"{\"a\":1}", "{size}");
            for body in [&b"{}"[..], b"k8s\0\x01", b"\xef\xbb{}", b"\xef\xbe\xbf", b"{\"a\":\"\xef\xbb\xbf\"}"] {
                assert_eq!(read(body, size), body, "{size}");
            }
        }
    }
}
