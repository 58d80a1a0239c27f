//! What each operation does to the graph and to its model, and how the two are compared.

use super::*;

pub fn change<'gc>(mc: &Mc<'gc>, graph: &Graph<'gc>, model: &mut Model, op: &Op) {
    let load = |entry: usize| graph.entries.borrow()[entry];
    let store = |entry: usize, link: Link<'gc>| graph.entries.borrow_mut(mc)[entry] = link;
    match *op {
        Op::New { kind, to, from } => {
            let token = model.token();
            let edges = [model.entries[from]; EDGES];
            model.shapes.insert(token.number, Shape { edges, more: Vec::new(), kind });
            model.entries[to] = Some(token.number);
            let new = Any::new(mc, kind, token, load(from), graph.saved);
            store(to, Some(new));
        }
        Op::Link { to, edge, from } => {
            let (Some(of), Some(number)) = (load(to), model.entries[to]) else { return };
            of.set(mc, edge, load(from));
            model.shapes.get_mut(&number).expect("is known").edges[edge] = model.entries[from];
        }
        Op::Follow { to, from, edge } => {
            let (Some(of), Some(number)) = (load(from), model.entries[from]) else { return };
            store(to, of.edges()[edge].get());
            model.entries[to] = model.shapes[&number].edges[edge];
        }
        Op::More { to, from } => {
            let (Some(of), Some(added)) = (load(to), load(from)) else { return };
            let (Some(node), Some(new)) = (of.node(), added.node()) else { return };
            let more = &mut model.shapes.get_mut(&of.number()).expect("is known").more;
            let mut list = field!(node.write(mc), Node, more).borrow_mut();
            if list.len() > 4 {
                list.clear();
                more.clear();
            }
            list.push(new);
            more.push(added.number());
        }
        Op::Clear { to } => {
            store(to, None);
            model.entries[to] = None;
        }
        Op::Garbage { count } => (0..count).for_each(|number| _ = Gc::new(mc, number)),
        _ => change_table(mc, graph, model, op),
    }
}

fn change_table<'gc>(mc: &Mc<'gc>, graph: &Graph<'gc>, model: &mut Model, op: &Op) {
    let load = |entry: usize| graph.entries.borrow()[entry];
    let note = |model: &mut Model, index: usize, from: usize| match model.entries[from] {
        Some(number) => _ = model.table.insert(index, number),
        None => _ = model.table.remove(&index),
    };
    match *op {
        Op::TableAt { index, from } => {
            graph.table.write_at(mc, index).set(load(from));
            note(model, index, from);
        }
        Op::TableAll { start, step, from } => {
            let elements = graph.table.write(mc);
            for index in (start..TABLE).step_by(step) {
                elements[index].set(load(from));
                note(model, index, from);
            }
        }
        Op::TableGet { index, to } => {
            // The nearest that is set.
            let index = model.table.range(index..).next().map_or(index, |(index, _)| *index);
            graph.entries.borrow_mut(mc)[to] = graph.table[index].get();
            model.entries[to] = model.table.get(&index).copied();
        }
        _ => change_handles(mc, graph, model, op),
    }
}

fn change_handles<'gc>(mc: &Mc<'gc>, graph: &Graph<'gc>, model: &mut Model, op: &Op) {
    let node = |entry: usize| graph.entries.borrow()[entry].and_then(Any::node);
    match *op {
        Op::Weak { from } => {
            let Some(node) = node(from) else { return };
            graph.weak.borrow_mut(mc).push(node.downgrade(mc));
            model.weak.push(node.token.number);
        }
        Op::Finalise { from } => {
            let Some(node) = node(from) else { return };
            if model.pending.insert(node.token.number) {
                node.finalise_with(mc, |mc, node| node.saved.borrow_mut(mc).push(node))
                    .expect("memory");
            }
        }
        Op::DropSaved => {
            graph.saved.borrow_mut(mc).clear();
            model.saved.clear();
        }
        Op::Stash { from } => {
            let Some(node) = node(from) else { return };
            model.stash.push((node.token.number, mc.stash::<OneNode>(node)));
        }
        Op::Unstash { which } => {
            if !model.stash.is_empty() {
                let which = which % model.stash.len();
                let (number, root) = model.stash.swap_remove(which);
                assert_eq!(mc.fetch(&root).token.number, number);
            }
        }
        Op::Identify { from } => {
            let Some(of) = graph.entries.borrow()[from] else { return };
            let id = of.id(mc);
            assert_eq!(*model.ids.entry(of.number()).or_insert(id), id);
        }
        Op::Upgrade { which, to } => upgrade(mc, graph, model, which, to),
        _ => change_pairs(mc, graph, model, op),
    }
}

/// What a node is stored as.
fn as_any<'gc>(model: &Model, node: Gc<'gc, Node<'gc>>) -> Option<Any<'gc>> {
    // A pinned one has only its own handle.
    matches!(model.shapes[&node.token.number].kind, Kind::Node).then_some(Any::Node(node))
}

fn upgrade<'gc>(mc: &Mc<'gc>, graph: &Graph<'gc>, model: &mut Model, which: usize, to: usize) {
    let weak = graph.weak.borrow();
    if weak.is_empty() {
        return;
    }
    let which = which % weak.len();
    let number = model.weak[which];
    let Some(node) = weak[which].upgrade(mc) else {
        assert!(!model.reachable().contains(&number), "a weak pointer gave up too early");
        return;
    };
    assert_eq!(node.token.number, number);
    assert!(!model.log.borrow().contains(&number), "a weak pointer leads to what was dropped");
    if let Some(of) = as_any(model, node) {
        graph.entries.borrow_mut(mc)[to] = Some(of);
        model.entries[to] = Some(number);
    }
}

fn change_pairs<'gc>(mc: &Mc<'gc>, graph: &Graph<'gc>, model: &mut Model, op: &Op) {
    let load = |entry: usize| graph.entries.borrow()[entry];
    let plain = |entry: usize| match load(entry) {
        Some(Any::Plain(plain)) => Some(plain),
        _ => None,
    };
    let pairs = model.pairs.len().max(1);
    match *op {
        Op::Pair { key, value } => {
            let (Some(key), Some(value)) = (load(key).and_then(Any::node), plain(value)) else {
                return;
            };
            graph.pairs.borrow_mut(mc).push(Ephemeron::new(mc, key, value));
            model.pairs.push((key.token.number, value.number));
        }
        Op::SetPair { which, value } => {
            let (Some(pair), Some(value)) =
                (graph.pairs.borrow().get(which % pairs).copied(), plain(value))
            else {
                return;
            };
            // Of a key that is dead, nothing is changed; nor in the model, which asks then no more.
            pair.set(mc, value);
            model.pairs[which % pairs].1 = value.number;
        }
        Op::GetPair { which, to } => {
            let Some(pair) = graph.pairs.borrow().get(which % pairs).copied() else { return };
            let (key, value) = model.pairs[which % pairs];
            let Some((found, of)) = pair.get(mc) else {
                assert!(!model.reachable().contains(&key), "a pair gave up too early");
                return;
            };
            assert_eq!((found.token.number, of.number), (key, value));
            graph.entries.borrow_mut(mc)[to] = Some(Any::Plain(of));
            model.entries[to] = Some(value);
        }
        _ => unreachable!("it ends a mutation"),
    }
}

pub fn compare<'gc>(mc: &Mc<'gc>, graph: &Graph<'gc>, model: &mut Model) {
    let number = |link: Link<'gc>| link.map(Any::number);
    let entries = graph.entries.borrow();
    assert!(entries.iter().map(|link| number(*link)).eq(model.entries));
    let mut grey: Vec<Any<'gc>> = entries.iter().flatten().copied().collect();
    let set = graph.table.iter().enumerate();
    let set: Vec<_> = set.filter_map(|(index, link)| Some((index, link.get()?))).collect();
    let listed = set.iter().map(|(index, of)| (*index, of.number()));
    assert!(listed.eq(model.table.iter().map(|(index, number)| (*index, *number))));
    grey.extend(set.into_iter().map(|(_, of)| of));
    let nodes = model.stash.iter().map(|(_, root)| mc.fetch(root));
    let nodes: Vec<_> = nodes.chain(graph.saved.borrow().iter().copied()).collect();
    let mut seen = BTreeSet::new();
    let mut ids = BTreeSet::new();
    // Handles to pinned nodes as to others: what matters is the object.
    grey.extend(nodes.into_iter().map(Any::Node));
    while let Some(of) = grey.pop() {
        if !seen.insert(of.number()) {
            continue;
        }
        compare_one(mc, of, model, &mut ids);
        grey.extend(of.edges().iter().filter_map(Lock::get));
        if let Some(node) = of.node() {
            grey.extend(node.more.borrow().iter().copied().map(Any::Node));
        }
        for (index, _) in model.pairs.iter().enumerate().filter(|(_, pair)| pair.0 == of.number()) {
            let (_, value) = graph.pairs.borrow()[index].get(mc).expect("the key is alive");
            grey.push(Any::Plain(value));
        }
    }
    assert_eq!(seen, model.reachable());
}

fn compare_one<'gc>(mc: &Mc<'gc>, of: Any<'gc>, model: &mut Model, ids: &mut BTreeSet<Id>) {
    let number = of.number();
    let shape = &model.shapes[&number];
    assert!(of.edges().iter().map(|edge| edge.get().map(Any::number)).eq(shape.edges));
    assert!(!shape.kind.drops() || !model.log.borrow().contains(&number), "it was dropped");
    if let Some(node) = of.node() {
        assert!(node.more.borrow().iter().map(|node| &node.token.number).eq(&shape.more));
    }
    if let Some(place) = of.pinned_at() {
        assert_eq!(*model.places.entry(number).or_insert(place), place, "a pinned one moved");
    }
    if let Some(id) = model.ids.get(&number) {
        assert_eq!(of.id(mc), *id);
        assert!(ids.insert(*id), "two objects with one identity");
    }
}
