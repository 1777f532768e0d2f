//! One node or pod as YAML.

use ratatui::layout::Rect;

use crate::action::Action;
use crate::facts::document::YamlDocument;
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::detail::{DetailState, PartFreshness};
use crate::msg::Viewport;
use crate::msg::detail::{DetailPart, ObjectRef};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::{View, scrolled};
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::counted;
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::events::{freshness, part_freshness};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::text::{Pen, columns};

const HINTS: [Hint; 6] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::ShowValues, "values"),
    (Action::Copy, "copy"),
    (Action::Down, "scroll"),
    (Action::Refresh, "read again"),
];

/// The visible part of the document.
struct YamlView<'a> {
    subject: &'a ObjectRef,
    /// The document; `None` until it was read.
    document: Option<&'a YamlDocument>,
    fresh: PartFreshness<'a>,
    /// First line.
    first: usize,
    /// Number of lines that fit.
    page: usize,
}

/// Reads the document of the open object.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    _: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Yaml { subject, .. } = model.screen() else { return None };
    let document = model.current().detail().and_then(DetailState::document);
    let fresh = part_freshness(model.current(), DetailPart::Object, context.now);
    let page = usize::from(area.height.saturating_sub(1));
    let mut view = YamlView { subject, document, fresh, first: 0, page };
    view.first = model.pane_scroll().min(view.most());
    Some(Box::new(view))
}

impl YamlView<'_> {
    fn len(&self) -> usize {
        self.document.map_or(0, |document| document.lines.len())
    }

    fn most(&self) -> usize {
        self.len().saturating_sub(self.page)
    }
}

impl View for YamlView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, _: &mut ListViewState) -> Viewport {
        let area = canvas.area;
        title(&mut canvas.pen(0), self, scene.context());
        if let Some(document) = self.document {
            lines(canvas, document, self.first);
        } else {
            let (role, text) = freshness(&self.fresh).unwrap_or((Role::Muted, "not read yet".to_owned()));
            canvas.pen(2.min(area.height.saturating_sub(1))).skip(1).rest(role, &text);
        }
        scrolled(self.page, self.most())
    }

    fn footer(&self, _: &Scene<'_>, _: &Glyphs) -> FooterPart {
        let facts = footer::lines(self.first, self.len()).into_iter().collect();
        FooterPart { hints: &HINTS, facts, ..FooterPart::default() }
    }
}

fn lines(canvas: &mut Canvas<'_>, document: &YamlDocument, first: usize) {
    for (row, line) in (1..canvas.area.height).zip(document.lines.iter().skip(first)) {
        let mut pen = canvas.pen(row);
        // The key is before the first colon; a `- ` in front is not part of it.
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

fn title(pen: &mut Pen<'_>, view: &YamlView<'_>, context: &str) {
    let name = view.subject.title();
    pen.skip(1);
    if pen.left() > columns(context) + 3 + columns(&name) + 6 {
        pen.put(Role::Muted, context).put(Role::Muted, " / ");
    }
    let room = pen.left().saturating_sub(5);
    pen.name(Role::Title, &name, columns(&name).min(room)).put(Role::Muted, " YAML");
    let Some(document) = view.document else { return };
    let dot = pen.glyphs().dot;
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
