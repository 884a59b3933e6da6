//! Which names are taken, for checks that come and go at run time. No probe touches it.

use std::collections::{BTreeMap, HashMap};

use crate::probe::Probe;
use crate::refresh::{Slot, SlotKey};

#[derive(Default)]
pub(crate) struct Registry {
    keys: HashMap<(Probe, String), SlotKey>,
    next_key: u64,
}

impl Registry {
    pub(crate) fn of(slots: &BTreeMap<SlotKey, Slot>) -> Self {
        let name = |slot: &Slot| (slot.probe, slot.state.name().to_owned());
        Self {
            keys: slots.iter().map(|(key, slot)| (name(slot), *key)).collect(),
            next_key: slots.len() as u64,
        }
    }

    /// Takes a name; `None` if it is taken.
    pub(crate) fn reserve(&mut self, probe: Probe, name: &str) -> Option<SlotKey> {
        let key = SlotKey(self.next_key);
        let place = (probe, name.to_owned());
        if self.keys.contains_key(&place) {
            return None;
        }
        self.next_key += 1;
        self.keys.insert(place, key);
        Some(key)
    }

    pub(crate) fn release(&mut self, probe: Probe, name: &str) -> Option<SlotKey> {
        self.keys.remove(&(probe, name.to_owned()))
    }
}
