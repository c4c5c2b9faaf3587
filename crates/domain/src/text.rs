//! Texts that people write, each with its bounds.

use thiserror::Error;

/// A text of 1 to `MAX` characters, trimmed, without control characters other than line breaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text<const MAX: usize>(String);

/// Why a text is not a [`Text`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be 1 to {0} characters, without control characters other than line breaks")]
pub struct InvalidText(usize);

impl<const MAX: usize> Text<MAX> {
    /// Checks length and characters.
    ///
    /// # Errors
    /// [`InvalidText`] for an empty or long text, or one with control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let text = text.trim();
        let plain = |letter: char| !letter.is_control() || letter == '\n';
        if (1..=MAX).contains(&text.chars().count()) && text.chars().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidText(MAX))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why an administrator did something.
pub type Reason = Text<500>;

/// A short text from one user to another: at most 200 characters, no control characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note(String);

/// Why a text is not a [`Note`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be at most {max} characters, without control characters", max = Note::CHARACTERS_MAX)]
pub struct InvalidNote;

impl Note {
    /// The longest note.
    pub const CHARACTERS_MAX: usize = 200;

    /// Checks length and characters; an empty text is no note.
    ///
    /// # Errors
    /// [`InvalidNote`] for a long text or one with control characters.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidNote> {
        if text.chars().count() > Self::CHARACTERS_MAX || text.chars().any(char::is_control) {
            return Err(InvalidNote);
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Note, Text};

    #[test]
    fn texts_have_bounds() {
        for (text, valid) in [("", false), ("  ", false), ("a\u{7}", false), ("a\nb", true), (" a ", true)] {
            assert_eq!(Text::<200>::parse(text).is_ok(), valid, "{text:?}");
        }
        assert!(Text::<200>::parse(&"ж".repeat(200)).is_ok() && Text::<200>::parse(&"ж".repeat(201)).is_err());
        assert_eq!(Note::parse(""), Ok(None));
        assert!(Note::parse(&"ж".repeat(200)).is_ok() && Note::parse(&"ж".repeat(201)).is_err());
        assert!(Note::parse("a\nb").is_err());
    }
}
