//! Enums whose values have a name in files and tables.

/// Declares an enum whose values have a name in files and tables.
#[doc(hidden)]
#[macro_export]
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $crate::with_schema! {
            $(#[$doc])*
            #[derive(
                Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
            )]
            pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name in files and tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::model::UnknownName> {
                $name::ALL
                    .iter()
                    .copied()
                    .find(|value| value.name() == text)
                    .ok_or_else(|| $crate::model::UnknownName(text.to_owned()))
            }
        }

        impl $crate::model::Cell for $name {
            const KIND: $crate::model::Kind = $crate::model::Kind::Text;

            fn from_value(value: $crate::model::Value<'_>) -> Result<Self, Vec<$crate::model::CellError>> {
                let names = || $name::ALL.iter().map(|value| value.name()).collect();
                let name = <String as $crate::model::Cell>::from_value(value)?;
                name.parse()
                    .map_err(|_| vec![$crate::model::CellError::unknown_name("unknown_name", &name, "known here", names)])
            }

            fn value(&self) -> Option<$crate::model::Value<'_>> {
                Some($crate::model::Value::Text(self.name().into()))
            }
        }
    };
}
pub use named;

/// Declares a type that has a JSON Schema if the engine is built with its feature `schema`. The features of the crate
/// that invokes the macro do not matter.
#[doc(hidden)]
#[macro_export]
#[cfg(feature = "schema")]
macro_rules! with_schema {
    ($($declaration:tt)+) => {
        #[derive(::schemars::JsonSchema)]
        $($declaration)+
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "schema"))]
macro_rules! with_schema {
    ($($declaration:tt)+) => {
        $($declaration)+
    };
}

/// A name that is not one of the allowed values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known name here")]
pub struct UnknownName(pub String);
