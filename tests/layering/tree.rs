//! The crate as a tree of modules, read from its sources.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Item, ItemMod, ItemUse, UseTree,
    visit::{self, Visit},
};

/// A path as segments: `["crate", "units", "Rate"]`.
pub(crate) type Segments = Vec<String>;

/// One source file.
pub(crate) struct Module {
    /// Path below the crate: `["units", "size"]`; empty for `lib.rs`.
    pub(crate) path: Segments,
    pub(crate) file: PathBuf,
    /// Declared modules, in the order of their declarations.
    children: Vec<String>,
    /// Re-exported names, each with its path.
    exports: BTreeMap<String, Segments>,
    /// Paths in the code, without tests. Imported names are written out.
    pub(crate) names: Vec<Segments>,
    /// Items other than declarations and re-exports, by kind.
    pub(crate) items: usize,
}

/// All modules of a crate, in the order of their declarations.
pub(crate) struct Tree(pub(crate) Vec<Module>);

impl Tree {
    /// Reads the tree below a crate's root file.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = Vec::new();
        read_module(root, &[], &mut modules);
        Self(modules)
    }

    fn module(&self, path: &[String]) -> Option<&Module> {
        self.0.iter().find(|module| module.path == path)
    }

    /// Returns the module that defines a path's name, following re-exports. `None` for other crates.
    pub(crate) fn definition(&self, from: &Module, name: &Segments) -> Option<&Module> {
        let mut rest = absolute(&from.path, name)?;
        // No re-export leads through more files than there are.
        for _ in 0..self.0.len() {
            let mut depth = rest.len();
            while depth > 0 && self.module(&rest[..depth]).is_none() {
                depth -= 1;
            }
            let module = self.module(&rest[..depth])?;
            match rest.get(depth).and_then(|name| module.exports.get(name)) {
                Some(target) => {
                    let behind = rest.split_off(depth + 1);
                    rest = absolute(&module.path, target)?;
                    rest.extend(behind);
                }
                None => return Some(module),
            }
        }
        None
    }

    /// Returns true if `lower` is declared before `upper` in the folder that holds both, or holds it.
    pub(crate) fn is_above(&self, lower: &Module, upper: &Module) -> bool {
        let shared = lower.path.iter().zip(&upper.path).take_while(|(left, right)| left == right).count();
        let place = |module: &Module| {
            let folder = self.module(&module.path[..shared]).expect("a common folder");
            folder.children.iter().position(|child| Some(child) == module.path.get(shared))
        };
        match (place(lower), place(upper)) {
            (Some(lower), Some(upper)) => lower < upper,
            // One of the two is the folder itself, which only declares and re-exports.
            _ => false,
        }
    }
}

/// Returns a path below the crate; `None` for an item of another crate.
fn absolute(module: &[String], name: &[String]) -> Option<Segments> {
    match name.first().map(String::as_str) {
        Some("crate") => Some(name[1..].to_vec()),
        Some("self") => Some([module, &name[1..]].concat()),
        Some("super") => {
            let ups = name.iter().take_while(|segment| *segment == "super").count();
            let kept = module.len().checked_sub(ups)?;
            Some([&module[..kept], &name[ups..]].concat())
        }
        _ => None,
    }
}

fn read_module(file: &Path, path: &[String], modules: &mut Vec<Module>) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut names = Names::default();
    let mut children = Vec::new();
    let mut items = 0;
    for item in &parsed.items {
        match item {
            Item::Mod(module) if module.content.is_none() => {
                if !is_of_tests(&module.attrs) {
                    children.push(module.ident.to_string());
                }
            }
            Item::Use(_) => {}
            _ => items += 1,
        }
    }
    names.visit_file(&parsed);
    let mut exports = BTreeMap::new();
    for (name, target, is_public) in names.imports.clone() {
        if is_public {
            // A declared module is named without `self::`.
            let target = match target.first() {
                Some(first) if children.contains(first) => [vec!["self".to_owned()], target].concat(),
                _ => target,
            };
            exports.insert(name, target);
        }
    }
    let folder = if file.ends_with("mod.rs") || path.is_empty() {
        file.parent().expect("a folder").to_owned()
    } else {
        file.with_extension("")
    };
    let written_out = names.written_out();
    modules.push(Module {
        path: path.to_vec(),
        file: file.to_owned(),
        children: children.clone(),
        exports,
        names: written_out,
        items,
    });
    for child in children {
        let one = folder.join(format!("{child}.rs"));
        let file = if one.exists() { one } else { folder.join(&child).join("mod.rs") };
        read_module(&file, &[path, &[child]].concat(), modules);
    }
}

/// Returns true if an item exists in tests only.
fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut is_test = false;
        if attribute.path().is_ident("cfg") {
            let _ = attribute.parse_nested_meta(|meta| {
                is_test |= meta.path.is_ident("test");
                Ok(())
            });
        }
        is_test
    })
}

/// Visitor that collects the paths of a file.
#[derive(Default)]
struct Names {
    /// Imports: name, path, and true for a re-export.
    imports: Vec<(String, Segments, bool)>,
    paths: Vec<Segments>,
    /// Number of inline modules around the visited place, which `super` leaves first.
    depth: usize,
}

impl Names {
    fn add(&mut self, mut path: Segments) {
        for _ in 0..self.depth {
            if path.first().is_some_and(|first| first == "super") {
                path.remove(0);
                if path.first().is_none_or(|first| first != "super") {
                    path.insert(0, "self".to_owned());
                }
            }
        }
        self.paths.push(path);
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.import(&path.tree, &before, is_public);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, is_public);
                }
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                let (name, path) = match name.as_str() {
                    "self" => (before.last().cloned().unwrap_or_default(), before.to_vec()),
                    _ => (name.clone(), [before, &[name]].concat()),
                };
                self.imports.push((name, path.clone(), is_public));
                self.add(path);
            }
            UseTree::Rename(rename) => {
                let path = [before, &[rename.ident.to_string()]].concat();
                self.imports.push((rename.rename.to_string(), path.clone(), is_public));
                self.add(path);
            }
            UseTree::Glob(_) => self.add(before.to_vec()),
        }
    }

    /// Returns the paths with imports in place of their imported first names.
    fn written_out(&self) -> Vec<Segments> {
        let behind = |name: &String| self.imports.iter().find(|(import, ..)| import == name);
        let long = |path: &Segments| match path.first().and_then(behind) {
            Some((_, target, _)) => [target, &path[1..]].concat(),
            None => path.clone(),
        };
        self.paths.iter().map(long).collect()
    }

    /// Collects the paths in a macro's input, which is not syntax yet.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Segments = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 && !path.is_empty() {
                        self.add(std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    if !path.is_empty() {
                        self.add(std::mem::take(&mut path));
                    }
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        if !path.is_empty() {
            self.add(path);
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_of_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, module);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &[], is_public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }
}
