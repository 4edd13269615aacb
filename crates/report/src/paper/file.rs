//! Sheets as a file: the objects of a PDF. No time is in it, and its id is the hash of what is in it.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::writers::StructTreeRoot;
use pdf_writer::{Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};
use wirewitness_evidence::merkle::sha256;

use super::fonts::{Font, Fonts};
use super::sheet::{HEIGHT, Kid, Node, Page, Sheets, WIDTH, resource, width};

/// What is said of the whole file.
pub(super) struct About<'a> {
    pub(super) title: &'a str,
    pub(super) language: &'a str,
    pub(super) producer: &'a str,
}

/// Numbers of objects.
struct Numbers {
    next: i32,
}

impl Numbers {
    fn one(&mut self) -> Ref {
        self.next += 1;
        Ref::new(self.next)
    }

    fn some(&mut self, count: usize) -> Vec<Ref> {
        (0..count).map(|_| self.one()).collect()
    }
}

pub(super) fn written(sheets: Sheets<'_>, about: &About<'_>) -> Vec<u8> {
    let Sheets { fonts, is_rtl, pages, nodes, headings, used, .. } = sheets;
    let mut numbers = Numbers { next: 0 };
    let [catalog, tree, info, structure, outline] = [(); 5].map(|()| numbers.one());
    let page_refs = numbers.some(pages.len());
    let node_refs = numbers.some(nodes.len());
    let mut pdf = Pdf::new();
    pdf.set_version(1, 7);
    let fonts_used = write_fonts(&mut pdf, &mut numbers, (fonts, &used));
    let mut hashed = Vec::new();
    let marked: Vec<Vec<usize>> = pages.iter().map(|page| page.marked.clone()).collect();
    let named = Named { tree, pages: &page_refs, fonts: &fonts_used };
    write_pages(&mut pdf, &mut numbers, (pages, &named), &mut hashed);
    pdf.pages(tree).kids(page_refs.iter().copied()).count(count(page_refs.len()));
    write_nodes(&mut pdf, (&nodes, structure), (&node_refs, &page_refs));
    write_outline(&mut pdf, &mut numbers, (outline, &page_refs), &headings);
    let arrays = write_parents(&mut pdf, &mut numbers, &marked, &node_refs);
    let mut root = pdf.catalog(catalog);
    root.pages(tree).outlines(outline).lang(TextStr(about.language));
    root.mark_info().marked(true);
    let mut preferences = root.viewer_preferences();
    preferences.display_doc_title(true);
    if is_rtl {
        preferences.direction(pdf_writer::types::Direction::R2L);
    }
    preferences.finish();
    root.pair(Name(b"StructTreeRoot"), structure);
    root.finish();
    write_tags(&mut pdf, (structure, node_refs.first().copied()), &arrays);
    pdf.document_info(info).title(TextStr(about.title)).producer(TextStr(about.producer));
    let id = sha256(&[about.title.as_bytes(), about.producer.as_bytes(), &hashed]);
    let id = id.get(..16).unwrap_or_default().to_vec();
    pdf.set_file_id((id.clone(), id));
    pdf.finish()
}

/// The tree of tags: the document, and which nodes the marked pieces of each page belong to.
fn write_tags(pdf: &mut Pdf, (own, first): (Ref, Option<Ref>), arrays: &[Ref]) {
    let mut tags = pdf.indirect(own).start::<StructTreeRoot<'_>>();
    if let Some(first) = first {
        tags.child(first);
    }
    tags.parent_tree_next_key(count(arrays.len()));
    let mut parents = tags.parent_tree();
    let mut keys = parents.nums();
    for (key, array) in arrays.iter().enumerate() {
        keys.insert(count(key), *array);
    }
}

fn write_nodes(
    pdf: &mut Pdf,
    (nodes, structure): (&[Node], Ref),
    (node_refs, page_refs): (&[Ref], &[Ref]),
) {
    for (at, (node, own)) in nodes.iter().zip(node_refs).enumerate() {
        let mut element = pdf.struct_element(*own);
        let parent = node_refs.get(node.parent).copied().filter(|_| at > 0).unwrap_or(structure);
        element.kind(node.role).parent(parent);
        if let Some(alt) = &node.alt {
            element.alt(TextStr(alt));
        }
        let mut children = element.children();
        for kid in &node.kids {
            match kid {
                Kid::Node(at) => {
                    if let Some(kid) = node_refs.get(*at) {
                        children.struct_element(*kid);
                    }
                }
                Kid::Marked(page, number) => {
                    if let Some(page) = page_refs.get(*page) {
                        children.marked_content_ref().page(*page).marked_content_id(*number);
                    }
                }
            }
        }
    }
}

/// Numbers of the objects that a page names.
struct Named<'a> {
    tree: Ref,
    pages: &'a [Ref],
    fonts: &'a BTreeMap<Font, Ref>,
}

fn write_pages(
    pdf: &mut Pdf,
    numbers: &mut Numbers,
    (pages, named): (Vec<Page>, &Named<'_>),
    hashed: &mut Vec<u8>,
) {
    for (key, (page, own)) in pages.into_iter().zip(named.pages).enumerate() {
        let content = page.content.finish();
        hashed.extend(sha256(&[content.as_slice()]));
        let stream = numbers.one();
        let packed = packed(content.as_slice());
        pdf.stream(stream, &packed).filter(Filter::FlateDecode);
        let mut object = pdf.page(*own);
        object.parent(named.tree).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents(stream);
        object.struct_parents(count(key));
        object.tab_order(pdf_writer::types::TabOrder::StructureOrder);
        let mut resources = object.resources();
        let mut names = resources.fonts();
        for (font, at) in named.fonts {
            names.pair(Name(resource(*font)), *at);
        }
    }
}

/// For each page, the node of each marked piece.
fn write_parents(
    pdf: &mut Pdf,
    numbers: &mut Numbers,
    pages: &[Vec<usize>],
    node_refs: &[Ref],
) -> Vec<Ref> {
    let mut arrays = Vec::new();
    for marked in pages {
        let own = numbers.one();
        let refs = marked.iter().filter_map(|node| node_refs.get(*node).copied());
        pdf.indirect(own).array().items(refs);
        arrays.push(own);
    }
    arrays
}

fn write_outline(
    pdf: &mut Pdf,
    numbers: &mut Numbers,
    (own, pages): (Ref, &[Ref]),
    headings: &[(String, usize, f32)],
) {
    let items = numbers.some(headings.len());
    let mut outline = pdf.outline(own);
    if let (Some(first), Some(last)) = (items.first(), items.last()) {
        outline.first(*first).last(*last).count(count(items.len()));
    }
    outline.finish();
    for (at, (title, page, y)) in headings.iter().enumerate() {
        let Some(item) = items.get(at) else { continue };
        let mut item = pdf.outline_item(*item);
        item.title(TextStr(title)).parent(own);
        if let Some(before) = at.checked_sub(1).and_then(|at| items.get(at)) {
            item.prev(*before);
        }
        if let Some(next) = items.get(at + 1) {
            item.next(*next);
        }
        if let Some(page) = pages.get(*page) {
            item.dest().page(*page).xyz(0.0, HEIGHT - y, None);
        }
    }
}

type Used = BTreeMap<(Font, u16), String>;

fn write_fonts(
    pdf: &mut Pdf,
    numbers: &mut Numbers,
    (fonts, used): (&Fonts, &Used),
) -> BTreeMap<Font, Ref> {
    let mut written = BTreeMap::new();
    for font in Font::ALL {
        let letters: Vec<(u16, &String)> = used
            .iter()
            .filter(|((own, _), _)| *own == font)
            .map(|((_, id), it)| (*id, it))
            .collect();
        if letters.is_empty() {
            continue;
        }
        let Some(face) = fonts.face(font) else { continue };
        let [own, cid, descriptor, cmap, file] = [(); 5].map(|()| numbers.one());
        let name = Name(font.name().as_bytes());
        let mut type0 = pdf.type0_font(own);
        type0.base_font(name).encoding_predefined(Name(b"Identity-H"));
        type0.descendant_font(cid).to_unicode(cmap);
        type0.finish();
        let mut cid_font = pdf.cid_font(cid);
        cid_font.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM);
        cid_font.font_descriptor(descriptor).default_width(0.0);
        cid_font.cid_to_gid_map_predefined(Name(b"Identity"));
        let all = (0..face.number_of_glyphs()).map(|id| width(face, id));
        cid_font.widths().consecutive(0, all).finish();
        cid_font.finish();
        let scaled = |units: i16| f32::from(units) * 1000.0 / units_per_em(face);
        let bbox = face.global_bounding_box();
        let mut described = pdf.font_descriptor(descriptor);
        described.name(name).flags(FontFlags::SYMBOLIC).italic_angle(0.0).stem_v(80.0);
        described.bbox(Rect::new(
            scaled(bbox.x_min),
            scaled(bbox.y_min),
            scaled(bbox.x_max),
            scaled(bbox.y_max),
        ));
        described.ascent(scaled(face.ascender())).descent(scaled(face.descender()));
        let cap = face.capital_height().unwrap_or_else(|| face.ascender());
        described.cap_height(scaled(cap)).font_file2(file);
        described.finish();
        let mut map = UnicodeCmap::new(Name(b"Wirewitness"), SYSTEM);
        for (id, letters) in letters {
            if !letters.is_empty() {
                map.pair_with_multiple(id, letters.chars());
            }
        }
        let map = packed(map.finish().as_slice());
        pdf.cmap(cmap, &map).filter(Filter::FlateDecode);
        let bytes = packed(font.bytes());
        let mut stream = pdf.stream(file, &bytes);
        stream.filter(Filter::FlateDecode);
        stream.pair(Name(b"Length1"), count(font.bytes().len()));
        stream.finish();
        written.insert(font, own);
    }
    written
}

#[expect(clippy::cast_precision_loss, reason = "units of a font are small numbers")]
fn units_per_em(face: &rustybuzz::Face<'_>) -> f32 {
    face.units_per_em() as f32
}

/// Packed; the same bytes for the same bytes.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // A vector takes all that is written.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

const SYSTEM: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
