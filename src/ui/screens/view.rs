//! The trait of all screens.

use crate::msg::Viewport;
use crate::theme::Glyphs;
use crate::ui::scene::Scene;
use crate::ui::state::ListMemory;
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::footer::FooterPart;

/// The body of a frame: what one screen shows of the model.
pub(in crate::ui) trait View {
    /// Draws the body and measures it.
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListMemory) -> Viewport;

    /// Hints and facts for the footer.
    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart;
}

/// Size of a page of lines that scrolls.
pub(in crate::ui) fn scrolled(page: usize, most: usize) -> Viewport {
    Viewport { page, most_scroll: Some(most), ..Viewport::default() }
}
