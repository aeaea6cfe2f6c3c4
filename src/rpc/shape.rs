//! Types of messages as tables, for a reader that checks a message as it arrives.

/// Highest field number that has a place in the dense table of its type.
const DENSE: usize = 64;

/// A type of messages, and the types of the messages within them. The first type is that of the message itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    types: Vec<TypeTable>,
}

/// Fields of one type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TypeTable {
    /// Fields with the numbers from 1 to the length; [`Content::Unknown`] where a number is not in use.
    dense: Vec<Field>,
    /// Fields with higher numbers, sorted.
    sparse: Vec<(u32, Field)>,
    /// True if this is the type of a map's entries.
    pub(crate) is_entry: bool,
}

/// Encoding of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) content: Content,
    /// True if several values may share one length-delimited field.
    pub(crate) is_packable: bool,
}

/// Contents of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// The type has no field with this number.
    Unknown,
    /// A varint.
    Varint,
    /// Four bytes.
    Fixed32,
    /// Eight bytes.
    Fixed64,
    /// Any bytes.
    Bytes,
    /// UTF-8.
    Text,
    /// A message of the type with this index.
    Message(u32),
    /// A message of the type with this index, between the marks of a group.
    Group(u32),
}

impl Field {
    const UNKNOWN: Self = Self { content: Content::Unknown, is_packable: false };
}

impl Shape {
    /// Index of no type: all fields are unknown.
    pub(crate) const UNTYPED: u32 = u32::MAX;

    /// A shape without types: each field is unknown.
    pub(crate) const fn untyped() -> Self {
        Self { types: Vec::new() }
    }

    /// Makes a shape of these types. The first one is that of the message itself.
    pub(crate) fn of(types: Vec<TypeTable>) -> Self {
        Self { types }
    }

    /// Returns the encoding of a field.
    #[inline]
    pub(crate) fn field(&self, of_type: u32, number: u32) -> Field {
        let Some(table) = self.types.get(of_type as usize) else { return Field::UNKNOWN };
        match table.dense.get(number.wrapping_sub(1) as usize) {
            Some(field) => *field,
            None => table.sparse_field(number),
        }
    }

    /// Returns true if this is the type of a map's entries.
    pub(crate) fn is_entry(&self, of_type: u32) -> bool {
        self.types.get(of_type as usize).is_some_and(|table| table.is_entry)
    }
}

impl TypeTable {
    /// Makes the table of a type with these fields, by number.
    pub(crate) fn new(fields: impl IntoIterator<Item = (u32, Field)>, is_entry: bool) -> Self {
        let mut own = Self { is_entry, ..Self::default() };
        for (number, field) in fields {
            let place = number as usize;
            if place > DENSE {
                own.sparse.push((number, field));
                continue;
            }
            if own.dense.len() < place {
                own.dense.resize(place, Field::UNKNOWN);
            }
            if let Some(known) = number.checked_sub(1).and_then(|at| own.dense.get_mut(at as usize)) {
                *known = field;
            }
        }
        own.sparse.sort_by_key(|(number, _)| *number);
        own
    }

    fn sparse_field(&self, number: u32) -> Field {
        let place = self.sparse.binary_search_by_key(&number, |(known, _)| *known);
        place.map_or(Field::UNKNOWN, |place| self.sparse[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_under_low_and_high_numbers_alone() {
        let field = |content| Field { content, is_packable: false };
        let fields =
            [(1_000, Content::Bytes), (3, Content::Varint), (64, Content::Text), (65, Content::Fixed32)];
        let table = TypeTable::new(fields.map(|(number, content)| (number, field(content))), false);
        let shape = Shape::of(vec![table]);
        for (number, content) in fields {
            assert_eq!(shape.field(0, number).content, content, "{number}");
        }
        for number in [0, 1, 2, 4, 63, 66, 999, 1_001, u32::MAX] {
            assert_eq!(shape.field(0, number).content, Content::Unknown, "{number}");
        }
        assert_eq!(shape.field(1, 3).content, Content::Unknown);
        assert_eq!(Shape::untyped().field(Shape::UNTYPED, 1).content, Content::Unknown);
    }
}
