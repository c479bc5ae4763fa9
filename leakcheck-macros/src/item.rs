//! The function under the attribute.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{AttrStyle, Attribute, ReturnType, Signature, Token, Visibility, braced, token};

/// A function whose body stays unparsed: only its signature and attributes matter here, and a body
/// written by `macro_rules!` need not be understood to be run.
pub(crate) struct TestFn {
    /// Outer attributes, then inner ones made outer: the block they stood in moves.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    pub(crate) body: TokenStream,
}

impl Parse for TestFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if starts_another_item(input) {
            return Err(input.error("`#[leak_test]` goes on an `async fn`"));
        }
        let sig = input.parse()?;

        let content;
        let brace = braced!(content in input);
        attrs.extend(Attribute::parse_inner(&content)?.into_iter().map(made_outer));
        let body = content.parse()?;
        Ok(Self { attrs, vis, sig, brace, body })
    }
}

impl TestFn {
    /// Whether a panic is what the test wants.
    pub(crate) fn should_panic(&self) -> bool {
        self.attrs.iter().any(|attr| attr.path().is_ident("should_panic"))
    }

    /// Whether the signature says that the test returns `()`.
    pub(crate) fn returns_unit(&self) -> bool {
        match &self.sig.output {
            ReturnType::Default => true,
            ReturnType::Type(_, output) => {
                matches!(&**output, syn::Type::Tuple(tuple) if tuple.elems.is_empty())
            }
        }
    }
}

fn starts_another_item(input: ParseStream<'_>) -> bool {
    let starts_function = input.peek(Token![fn])
        || input.peek(Token![async])
        || input.peek(Token![const])
        || input.peek(Token![unsafe])
        || input.peek(Token![extern]);
    !starts_function
}

fn made_outer(attr: Attribute) -> Attribute {
    Attribute { style: AttrStyle::Outer, ..attr }
}
