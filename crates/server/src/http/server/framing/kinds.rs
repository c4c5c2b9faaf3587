//! Which bytes may stand where in a request, and how many of them come first.

/// How many bytes of a kind come first.
pub(super) fn run(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_one(*byte)).unwrap_or(bytes.len())
}

/// How many bytes of a value come first; of a long one, so many at a time that processors look at them together.
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<32>();
    let is_plain = |block: &&[u8; 32]| block.iter().fold(true, |all, byte| all & (*byte >= b' ') & (*byte != 0x7F));
    let sure = blocks.iter().take_while(is_plain).count().saturating_mul(32);
    sure.saturating_add(run(bytes.get(sure..).unwrap_or_default(), is_value))
}

const TOKEN: u8 = 1;
const HOST_BYTE: u8 = 2;

/// What each byte may be part of.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut rest = kinds.as_mut_slice();
    let mut byte = 0_u8;
    while let Some((kind, behind)) = rest.split_first_mut() {
        // RFC 9110, 5.6.2.
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            *kind |= TOKEN;
        }
        // RFC 3986, 3.2.2, with a port; without the comma, which stands between two hosts in one line.
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'%'..=b'+' | b':' | b';' | b'=' | b'[' | b']')
        {
            *kind |= HOST_BYTE;
        }
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    kinds
};

fn is(byte: u8, kind: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kinds| kinds & kind != 0)
}

pub(super) fn is_token(byte: u8) -> bool {
    is(byte, TOKEN)
}

pub(super) fn is_host(byte: u8) -> bool {
    is(byte, HOST_BYTE)
}

/// RFC 9110, 5.5: what is visible, blanks, and bytes that are no ASCII.
pub(super) fn is_value(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7F || byte == b'\t'
}

/// A path with its query. A fragment stays with the client.
pub(super) fn is_path(byte: u8) -> bool {
    byte > b' ' && byte != 0x7F && byte != b'#'
}
