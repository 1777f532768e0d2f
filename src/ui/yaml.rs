//! One node or pod as YAML.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::events::freshness;
use super::scene::Paint;
use super::text::{Pen, columns};
use super::units::counted;
use crate::facts::document::Document;
use crate::model::inspection::PartFreshness;
use crate::msg::inspect::Subject;
use crate::theme::Role;

/// The visible part of the document.
pub(super) struct YamlView<'a> {
    /// Of what.
    pub(super) subject: &'a Subject,
    /// `None` until it was read.
    pub(super) document: Option<&'a Document>,
    /// How fresh it is.
    pub(super) fresh: PartFreshness<'a>,
    /// First line.
    pub(super) first: usize,
}

/// Lines of the document that there is room for.
pub(super) fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

/// Draws the title and the lines from the first one on.
pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &YamlView<'_>, (context, paint): (&str, Paint<'_>)) {
    title(&mut Pen::new(buf, paint.look, area, 0), view, (context, paint));
    let Some(document) = view.document else {
        let (role, text) = match freshness(&view.fresh) {
            Some(said) => said,
            None => (Role::Muted, "not read yet".to_owned()),
        };
        Pen::new(buf, paint.look, area, 2.min(area.height.saturating_sub(1))).skip(1).rest(role, &text);
        return;
    };
    for (row, line) in (1..area.height).zip(document.lines.iter().skip(view.first)) {
        let mut pen = Pen::new(buf, paint.look, area, row);
        // The key in front of the first colon; a `- ` before it belongs to neither.
        let start = line.len() - line.trim_start_matches([' ', '-']).len();
        let key = line[start..].split_once(": ").map(|(key, _)| key).or_else(|| line[start..].strip_suffix(':'));
        match key.filter(|key| !key.contains(' ')) {
            Some(key) => {
                let (before, after) = line.split_at(start + key.len());
                pen.skip(1).put(Role::Header, before).rest(Role::Text, after);
            }
            None => _ = pen.skip(1).rest(Role::Text, line),
        }
    }
}

fn title(pen: &mut Pen<'_>, view: &YamlView<'_>, (context, paint): (&str, Paint<'_>)) {
    let name = view.subject.title();
    pen.skip(1);
    if pen.left() > columns(context) + 3 + columns(&name) + 6 {
        pen.put(Role::Muted, context).put(Role::Muted, " / ");
    }
    let room = pen.left().saturating_sub(5);
    pen.name(Role::Title, &name, columns(&name).min(room)).put(Role::Muted, " YAML");
    let Some(document) = view.document else { return };
    let dot = paint.look.glyphs.dot;
    let mut facts = vec![(Role::Muted, counted(document.lines.len() as u64, "line"))];
    if document.cut > 0 {
        facts.push((Role::Warn, format!("{} cut", document.cut)));
    }
    if document.invisible > 0 {
        facts.push((Role::Warn, counted(document.invisible, "invisible character")));
    }
    let values = document.values.words();
    if !values.is_empty() {
        let (role, word) = if document.values.masked { (Role::Muted, "masked") } else { (Role::Warn, "shown") };
        facts.push((role, format!("{values} {word}")));
    }
    facts.insert(0, freshness(&view.fresh).unwrap_or((Role::Good, "live".to_owned())));
    for (role, text) in facts {
        if pen.left() > columns(&text) + 3 {
            pen.put(Role::Muted, &format!(" {dot} ")).put(role, &text);
        }
    }
}
