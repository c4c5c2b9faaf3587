//! HS256 for the library of tokens, on the SHA-256 that everything else here uses: one kind of signature is not worth
//! a second library of cryptography. No other algorithm, and no keys but secrets.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sha2::Sha256;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key: &EncodingKey| Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key: &DecodingKey| Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?)),
    // Only for published keys, of which there are none.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Tells the library what it signs and checks with. It keeps one provider for the process, so that the second time
/// says nothing new.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self> {
        if algorithm != Algorithm::HS256 {
            return Err(Error::from(ErrorKind::InvalidAlgorithm));
        }
        Hmac::new_from_slice(key).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        // In constant time, and only if it has the whole length.
        self.0.clone().chain_update(message).verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::Hs256;
    use jsonwebtoken::Algorithm;
    use jsonwebtoken::signature::{Signer, Verifier};

    /// The second test case of RFC 4231.
    const SIGNATURE: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn a_signature_is_that_of_the_standard_and_no_part_of_it_is_enough() {
        let hs256 = Hs256::new(Algorithm::HS256, b"Jefe").unwrap();
        let message = b"what do ya want for nothing?";
        let signature = hs256.sign(message);
        let shown: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, SIGNATURE);
        assert!(hs256.verify(message, &signature).is_ok());
        assert!(hs256.verify(b"what do ya want for something?", &signature).is_err());
        for length in 0..32 {
            assert!(hs256.verify(message, &signature[..length].to_vec()).is_err(), "{length}");
        }
        assert!(hs256.verify(message, &[signature.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn no_other_algorithm_is_known() {
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(Hs256::new(algorithm, b"Jefe").is_err(), "{algorithm:?}");
        }
    }
}
