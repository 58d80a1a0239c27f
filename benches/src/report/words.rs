//! The first answer in words, with its names in bold.
//!
//! Above: `stack`, for the page and for the terminal. Below: `choice`.

use super::choice::{Best, Choice, ROUNDS, Ratios};
use super::escape;
use super::pieces::many;

/// Which candidate to take, and what cannot be told from it.
pub(super) fn taken(choice: &Choice<'_>, reference: &str) -> String {
    let Best { taken, level } = &choice.best;
    let (name, base) = (escape(taken.name), escape(reference));
    let head = if let Some(least) = choice.best.much_less(|it| it.time * it.memory) {
        return format!(
            "For this traffic the rounds do not tell: <b>{}</b> took <b>{:.2}</b> of the {base} allocator’s processor time and <b>{:.2}</b> of its peak memory, but they \
             differ too much to put it ahead of {name}. Repeat it on a quiet machine, or with more rounds; until then <b>{name}</b> is the simpler choice.",
            escape(least.name),
            least.time,
            least.memory
        );
    } else if taken.name == reference {
        format!("For this traffic stay with <b>{name}</b>")
    } else {
        format!(
            "For this traffic take <b>{name}</b>: it took <b>{:.2}</b> of the {base} allocator’s processor time and <b>{:.2}</b> of its peak memory",
            taken.time, taken.memory
        )
    };
    if level.is_empty() {
        return match taken.name == reference {
            true => format!(
                "{head}: no other allocator here needs less processor time and peak memory together."
            ),
            false => format!("{head}."),
        };
    }
    let others: Vec<_> =
        level.iter().map(|it| format!("{} ({})", escape(it.name), ratios(it))).collect();
    let rounds = many(choice.rounds.into(), "round");
    let tell = if choice.rounds == 1 { "tells" } else { "tell" };
    format!("{head}. As far as {rounds} {tell}, level with it: {}.", others.join(", "))
}

/// Who is best by time alone, by memory alone, and who is not in the choice.
pub(super) fn others(choice: &Choice<'_>, reference: &str) -> String {
    let mut words = vec![
        alone("processor time", &choice.quickest, choice, reference),
        alone("peak memory", &choice.smallest, choice, reference),
    ];
    if let Some(ours) = &choice.ours {
        let name = escape(ours.name);
        words.push(format!("The best of Strata’s stacks here is {name}, with {}.", ratios(ours)));
    }
    if !choice.left_out.is_empty() {
        let names: Vec<_> = choice.left_out.iter().map(|name| escape(name)).collect();
        words.push(format!(
            "Not in the choice, because not measured on all of it: {}.",
            names.join(", ")
        ));
    }
    if !choice.aside.is_empty() {
        let one = |&(name, purpose): &(&str, crate::purpose::Purpose)| {
            format!("{} ({})", escape(name), purpose.name())
        };
        let names: Vec<_> = choice.aside.iter().map(one).collect();
        words.push(format!("Not in the choice, because for something else: {}.", names.join(", ")));
    }
    words.push("The choice is by the product of processor time and peak memory.".into());
    words.push("A replay is the allocator alone: the program itself gains or loses less, by how much of its time it spends in it.".into());
    if (choice.rounds as usize) < ROUNDS {
        let rounds = many(choice.rounds.into(), "round");
        words.push(format!(
            "After {rounds}, large differences only are told, and on a busy machine not even those."
        ));
    }
    words.join(" ")
}

/// A candidate's two ratios in words.
fn ratios(it: &Ratios<'_>) -> String {
    format!("{:.2} of the processor time and {:.2} of the peak memory", it.time, it.memory)
}

/// Who is best by one figure alone.
fn alone(what: &str, best: &Best<'_>, choice: &Choice<'_>, reference: &str) -> String {
    let name = escape(best.taken.name);
    if best.taken.name == choice.taken() {
        let surely = if best.level.is_empty() { "" } else { "surely " };
        return format!("None of those in the choice {surely}takes less {what} than {name}.");
    }
    let level: Vec<_> = best.level.iter().map(|it| escape(it.name)).collect();
    let level = match level.is_empty() {
        true => String::new(),
        false => format!(", level with {}", level.join(", ")),
    };
    match best.taken.name == reference {
        true => format!("If only {what} counts: {name} itself{level}."),
        false => format!("If only {what} counts: {name}, with {}{level}.", ratios(&best.taken)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::Purpose;

    fn ratios(name: &str, time: f64, memory: f64) -> Ratios<'_> {
        Ratios { name, time, memory }
    }

    fn alone<'r>(taken: Ratios<'r>) -> Best<'r> {
        Best { taken, level: Vec::new() }
    }

    fn choice<'r>(taken: Ratios<'r>, level: Vec<Ratios<'r>>) -> Choice<'r> {
        Choice {
            best: Best { taken, level },
            quickest: alone(taken),
            smallest: alone(ratios("small", 1.2, 0.5)),
            ours: None,
            aside: vec![("strata-sampled", Purpose::Watching)],
            left_out: Vec::new(),
            rounds: 9,
        }
    }

    #[test]
    fn what_is_sure_is_said_without_a_but() {
        let choice = choice(ratios("strata", 0.61, 1.12), Vec::new());
        assert_eq!(
            taken(&choice, "system"),
            "For this traffic take <b>strata</b>: it took <b>0.61</b> of the system allocator’s processor time and <b>1.12</b> of its peak memory."
        );
        assert_eq!(
            others(&choice, "system"),
            "None of those in the choice takes less processor time than strata. If only peak memory counts: small, with 1.20 of the processor time and 0.50 of the peak \
             memory. Not in the choice, because for something else: strata-sampled (watching). The choice is by the product of processor time and \
             peak memory. A replay is the allocator alone: the program itself gains or loses less, by how much of its time it spends in it."
        );
    }

    #[test]
    fn rounds_that_do_not_tell_are_said_not_to() {
        let told =
            taken(&choice(ratios("system", 1.0, 1.0), vec![ratios("strata", 0.39, 1.1)]), "system");
        assert!(
            told.starts_with("For this traffic the rounds do not tell: <b>strata</b> took"),
            "{told}"
        );
        assert!(told.ends_with("until then <b>system</b> is the simpler choice."), "{told}");
    }

    #[test]
    fn what_is_level_is_said_to_be() {
        let mut choice = choice(ratios("system", 1.0, 1.0), vec![ratios("strata", 0.93, 1.02)]);
        assert_eq!(
            taken(&choice, "system"),
            "For this traffic stay with <b>system</b>. As far as 9 rounds tell, level with it: strata (0.93 of the processor time and 1.02 of the \
             peak memory)."
        );
        choice.quickest.level = choice.best.level.clone();
        choice.smallest.level = vec![ratios("tiny", 1.3, 0.51)];
        let told = others(&choice, "system");
        assert!(
            told.starts_with(
                "None of those in the choice surely takes less processor time than system. "
            ),
            "{told}"
        );
        assert!(told.contains("0.50 of the peak memory, level with tiny."), "{told}");
        assert!(told.ends_with("of its time it spends in it."), "{told}");
        choice.rounds = 1;
        let told = others(&choice, "system");
        assert!(told.contains("After 1 round, large differences only are told"), "{told}");
        assert!(taken(&choice, "system").contains("As far as 1 round tells, level"));
        choice.best.level.clear();
        assert!(taken(&choice, "system").ends_with("processor time and peak memory together."));
    }
}
