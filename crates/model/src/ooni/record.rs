//! How a lenient record is read: one macro, used for every object of OONI's formats.
//!
//! `serde_derive` would refuse a duplicate key, a null list and an object that is a number. Files have all three, so
//! records are read here: the last of equal keys wins, an object of another type reads as an empty one, and keys nobody
//! knows are skipped within the nesting limit or, where a record ends in `other`, kept as raw JSON.

/// Declares a record and how it is read. See the module.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$fmeta:meta])* $field:ident : $type:ty = $key:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name<'a> {
            $($(#[$fmeta])* pub $field: $type,)*
            #[doc(hidden)]
            pub lifetime: std::marker::PhantomData<&'a ()>,
        }
        record!(@read $name, [$($field = $key),*], |map, _key, _out| {
            map.next_value::<crate::lenient::Skip>()?;
        });
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$fmeta:meta])* $field:ident : $type:ty = $key:literal,)*
        }
        $(#[$ometa:meta])*
        other
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        pub struct $name<'a> {
            $($(#[$fmeta])* pub $field: $type,)*
            $(#[$ometa])*
            pub other: crate::ooni::OtherKeys<'a>,
        }
        impl PartialEq for $name<'_> {
            fn eq(&self, rhs: &Self) -> bool {
                $(self.$field == rhs.$field &&)*
                self.other.len() == rhs.other.len()
                    && self.other.iter().zip(&rhs.other).all(|(a, b)| a.0 == b.0 && a.1.get() == b.1.get())
            }
        }
        record!(@read $name, [$($field = $key),*], |map, key, out| {
            let raw: crate::lenient::Raw<'a> = map.next_value()?;
            if let Some(raw) = raw.0 {
                out.other.push((key, raw));
            }
        });
    };
    (@read $name:ident, [$($field:ident = $key:literal),*], |$map:ident, $other_key:ident, $out:ident| $on_other:block) => {
        const _: () = {
            #[allow(non_camel_case_types, reason = "named after the fields")]
            enum Key<'a> {
                $($field,)*
                Other(std::borrow::Cow<'a, str>),
            }

            impl<'de: 'a, 'a> serde::Deserialize<'de> for Key<'a> {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    struct V<'a>(std::marker::PhantomData<&'a ()>);
                    impl<'de: 'a, 'a> serde::de::Visitor<'de> for V<'a> {
                        type Value = Key<'a>;
                        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                            f.write_str("a key")
                        }
                        fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Key<'a>, E> {
                            Ok(match v {
                                $($key => Key::$field,)*
                                other => Key::Other(std::borrow::Cow::Borrowed(other)),
                            })
                        }
                        fn visit_str<E>(self, v: &str) -> Result<Key<'a>, E> {
                            Ok(match v {
                                $($key => Key::$field,)*
                                other => Key::Other(std::borrow::Cow::Owned(other.to_owned())),
                            })
                        }
                    }
                    deserializer.deserialize_str(V(std::marker::PhantomData))
                }
            }

            impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    struct V<'a>(std::marker::PhantomData<&'a ()>);
                    impl<'de: 'a, 'a> serde::de::Visitor<'de> for V<'a> {
                        type Value = $name<'a>;
                        crate::lenient::scalar_defaults!($name::default());
                        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<$name<'a>, A::Error> {
                            crate::lenient::drain_seq(seq)?;
                            Ok($name::default())
                        }
                        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut $map: A) -> Result<$name<'a>, A::Error> {
                            #[allow(unused_mut, reason = "a record without keys")]
                            let mut $out = $name::default();
                            while let Some(key) = $map.next_key::<Key<'a>>()? {
                                match key {
                                    $(Key::$field => $out.$field = $map.next_value()?,)*
                                    Key::Other($other_key) => $on_other,
                                }
                            }
                            Ok($out)
                        }
                    }
                    deserializer.deserialize_any(V(std::marker::PhantomData))
                }
            }
        };
    };
}
pub(crate) use record;
