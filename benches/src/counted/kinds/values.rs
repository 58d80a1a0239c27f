//! The macro that makes a kind's values.
//!
//! Above: a file for each kind. `values!(Kind: pointer, room, back, [derived], skip)`: how it points; what holds what
//! changes; a list's pointer back; what is derived; what stands above a field that is not traced.

macro_rules! values {
    ($kind:ident: $pointer:ident, $room:ident, $back:ty, [$($derive:path),*] $(, $skip:meta)?) => {
        use crate::counted::census::One;
        use crate::counted::kinds::{Back, Counted, Room, Values};

        pub(in crate::counted) enum $kind {}

        #[derive($($derive),*)]
        pub(in crate::counted) struct Leaf {
            number: u64,
            $(#[$skip])? _one: One,
        }

        #[derive($($derive),*)]
        pub(in crate::counted) struct Tree {
            children: Option<[$pointer<Tree>; 2]>,
            $(#[$skip])? _one: One,
        }

        #[derive($($derive),*)]
        pub(in crate::counted) struct Link {
            number: u64,
            next: $room<Option<$pointer<Link>>>,
            back: $room<$back>,
            $(#[$skip])? _one: One,
        }

        #[derive($($derive),*)]
        pub(in crate::counted) struct Node {
            number: u64,
            to: $room<[Option<$pointer<Node>>; 2]>,
            $(#[$skip])? _one: One,
        }

        impl Values for $kind {
            type Leaf = $pointer<Leaf>;
            type Tree = $pointer<Tree>;
            type Link = $pointer<Link>;
            type Node = $pointer<Node>;

            #[inline]
            fn leaf(number: u64) -> Self::Leaf {
                $pointer::new(Leaf { number, _one: One::new() })
            }
            #[inline]
            fn read(leaf: &Self::Leaf) -> u64 {
                leaf.number
            }

            #[inline]
            fn tree(children: Option<[Self::Tree; 2]>) -> Self::Tree {
                $pointer::new(Tree { children, _one: One::new() })
            }
            #[inline]
            fn children(tree: &Self::Tree) -> Option<&[Self::Tree; 2]> {
                tree.children.as_ref()
            }

            #[inline]
            fn link(number: u64, before: Option<&Self::Link>) -> Self::Link {
                let back = $room::new(before.map(<$back>::to).unwrap_or_default());
                $pointer::new(Link { number, next: $room::default(), back, _one: One::new() })
            }
            #[inline]
            fn follow(link: &Self::Link, next: Self::Link) {
                link.next.open(|place| *place = Some(next));
            }
            #[inline]
            fn number(link: &Self::Link) -> u64 {
                link.number
            }
            #[inline]
            fn next(link: &Self::Link) -> Option<Self::Link> {
                link.next.open(|next| next.clone())
            }
            #[inline]
            fn before(link: &Self::Link) -> Option<Self::Link> {
                link.back.open(|back| back.get())
            }

            #[inline]
            fn node(number: u64, to: [Option<Self::Node>; 2]) -> Self::Node {
                $pointer::new(Node { number, to: $room::new(to), _one: One::new() })
            }
            #[inline]
            fn value(node: &Self::Node) -> u64 {
                node.number
            }
            #[inline]
            fn edge(node: &Self::Node, at: usize) -> Option<Self::Node> {
                node.to.open(|to| to[at].clone())
            }
            #[inline]
            fn rewire(node: &Self::Node, at: usize, to: Option<Self::Node>) {
                // Dropped when the room is closed: it may be the last pointer to this node.
                drop(node.to.open(|all| std::mem::replace(&mut all[at], to)));
            }
        }
    };
}

/// What dumpster's derive macro writes, which does not work on types that another macro makes.
macro_rules! accept {
    ($($of:ident: $($field:ident)*;)*) => {$(
        // SAFETY: these are all fields that have pointers, one after the other, in the same order each time.
        unsafe impl<V: Visitor> TraceWith<V> for $of {
            #[inline]
            fn accept(&self, _visitor: &mut V) -> Result<(), ()> {
                $(self.$field.accept(_visitor)?;)*
                Ok(())
            }
        }
    )*};
}
