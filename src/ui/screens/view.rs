//! The trait of all screens.

use crate::msg::Viewport;
use crate::theme::Glyphs;
use crate::ui::scene::Scene;
use crate::ui::state::ListViewState;
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::footer::FooterPart;

/// A screen: draws the body of a frame.
pub(in crate::ui) trait View {
    /// Draws the body and measures it.
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport;

    /// Hints and facts for the footer.
    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart;
}

/// Viewport of a page of `page` lines that scrolls by at most `most`.
pub(in crate::ui) fn scrolled(page: usize, most: usize) -> Viewport {
    Viewport { page, most_scroll: Some(most), ..Viewport::default() }
}
