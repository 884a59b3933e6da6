//! A state that is told once, however often it is met.

#[derive(Debug, Default)]
pub(super) struct Spell {
    is_on: bool,
}

impl Spell {
    /// Returns whether this is news.
    pub(super) fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.is_on, true)
    }

    pub(super) fn end(&mut self) {
        self.is_on = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_news_once_until_it_has_ended() {
        let mut spell = Spell::default();
        assert!(spell.begins() && !spell.begins() && !spell.begins());
        spell.end();
        assert!(spell.begins() && !spell.begins());
    }
}
