//! The table of check names that are taken. Probes never use it.

use std::collections::{BTreeMap, HashMap};

use crate::model::Probe;
use crate::refresh::{Slot, SlotKey};

#[derive(Default)]
pub(super) struct NameTable {
    keys: HashMap<(Probe, String), SlotKey>,
    next_key: u64,
}

impl NameTable {
    pub(super) fn of(slots: &BTreeMap<SlotKey, Slot>) -> Self {
        let name = |slot: &Slot| (slot.probe, slot.state.name().to_owned());
        Self {
            keys: slots.iter().map(|(key, slot)| (name(slot), *key)).collect(),
            next_key: slots.len() as u64,
        }
    }

    pub(super) fn get(&self, probe: Probe, name: &str) -> Option<SlotKey> {
        self.keys.get(&(probe, name.to_owned())).copied()
    }

    /// Reserves a name; returns `None` if it is taken.
    pub(super) fn reserve(&mut self, probe: Probe, name: &str) -> Option<SlotKey> {
        let key = SlotKey(self.next_key);
        let entry = (probe, name.to_owned());
        if self.keys.contains_key(&entry) {
            return None;
        }
        self.next_key += 1;
        self.keys.insert(entry, key);
        Some(key)
    }

    pub(super) fn release(&mut self, probe: Probe, name: &str) -> Option<SlotKey> {
        self.keys.remove(&(probe, name.to_owned()))
    }
}
