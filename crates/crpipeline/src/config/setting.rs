//! What the layers know about one setting: its key, its environment variable, its shape, and whether it is a secret.

use serde::{Serialize, de::DeserializeOwned};

/// One setting of a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Its key inside the section of `crpipeline.toml`.
    pub(crate) key: &'static str,
    /// Its environment variable.
    pub(crate) environment: &'static str,
    /// How the text of an environment variable or flag is read.
    pub(crate) shape: Shape,
    /// Whether its value is never shown; such a setting can also be given as a file: `NAME_FILE` or `key_file`.
    pub(crate) is_secret: bool,
}

/// How text becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As it is.
    Text,
    /// A whole number.
    Number,
    /// Texts separated by commas.
    List,
}

impl Setting {
    /// A setting that may be shown.
    pub(crate) const fn new(key: &'static str, environment: &'static str, shape: Shape) -> Self {
        Self { key, environment, shape, is_secret: false }
    }

    /// A setting that is never shown.
    pub(crate) const fn secret(key: &'static str, environment: &'static str) -> Self {
        Self { key, environment, shape: Shape::Text, is_secret: true }
    }
}

/// A section of the configuration: one typed struct, and one row in [`Section::SETTINGS`] for each of its fields.
pub(crate) trait Section: Default + Serialize + DeserializeOwned {
    /// Its name in `crpipeline.toml`.
    const NAME: &'static str;
    /// Its settings, in the order of the fields.
    const SETTINGS: &'static [Setting];

    /// Checks what a type alone cannot say.
    ///
    /// # Errors
    /// The key of the setting that is wrong, and what is wrong with it.
    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }
}

/// A value that its type allows and sense does not.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The key of the setting.
    pub(crate) key: &'static str,
    /// What is wrong, as the end of a sentence.
    pub(crate) what: String,
}

impl Wrong {
    /// `what` is wrong with the setting `key`.
    pub(crate) fn new(key: &'static str, what: impl Into<String>) -> Self {
        Self { key, what: what.into() }
    }
}
