//! Ids of users or movies as small numbers, for those who keep many ratings in memory.

use std::collections::HashMap;
use std::sync::Arc;

/// Ids, numbered from 0 in the order in which they were met.
#[derive(Debug, Default)]
pub struct Ids {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Ids {
    /// Returns the number of an id, and gives it the next one if it is new.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // Memory ends long before the numbers do.
        let (number, name) = (self.names.len() as u32, Arc::<str>::from(name));
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// Returns the number of an id, or `None` if it was never met.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).map(|number| *number as usize)
    }

    /// Returns the ids in the order of their numbers.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Returns how many ids there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbered_in_the_order_in_which_they_are_met() {
        let mut ids = Ids::default();
        let numbers = ["b", "a", "b", "c"].map(|name| ids.number(name));
        assert_eq!((numbers, ids.len()), ([0, 1, 0, 2], 3));
        assert_eq!((ids.find("c"), ids.find("d")), (Some(2), None));
        assert_eq!(ids.names().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["b", "a", "c"]);
    }
}
