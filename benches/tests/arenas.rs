//! The programs of `arenas`: everyone reads back what was written, in this process and at a small scale.

use benches::arenas::{ALL, find, results::Figure};

#[test]
fn every_contestant_reads_back_what_it_wrote() {
    for measure in ALL {
        assert!(measure.contestants.len() > 2, "{}", measure.name);
        for who in measure.contestants {
            for (column, run) in measure.columns.iter().zip(who.runs()) {
                let Some(run) = run else { continue };
                for steps in [1, 3, 1000] {
                    let (sum, expected) = (run(steps).sum, column.expected_sum(steps));
                    let place = (measure.name, column.name, who.name);
                    assert_eq!(sum, expected, "{place:?}, {steps} steps");
                }
            }
        }
    }
}

#[test]
fn every_process_of_its_own_answers() {
    for measure in ALL {
        for who in measure.contestants {
            let Some(answer) = who.in_this_process(1) else { continue };
            let place = (measure.name, who.name);
            assert_eq!(answer.failed, None, "{place:?}");
            assert_eq!(answer.figures.len(), measure.columns.len(), "{place:?}");
            assert!(answer.figures.iter().flatten().all(|&figure| figure >= 0.0), "{answer:?}");
            assert!(answer.figures[0].is_some_and(|ns| ns > 0.0), "{place:?}: {answer:?}");
        }
    }
}

#[test]
fn every_way_fits_its_columns_and_names_are_found() {
    for measure in ALL {
        assert!(find(measure.name).is_some_and(|found| std::ptr::eq(found, measure)));
        for who in measure.contestants {
            let runs = who.runs().len();
            assert!(runs == 0 || runs == measure.columns.len(), "{} in {}", who.name, measure.name);
            let found = measure.contestant(who.name).map(|found| found.about);
            assert_eq!(found, Some(who.about), "{} in {}", who.name, measure.name);
        }
    }
    assert!(find("nothing").is_none() && ALL[0].contestant("nobody").is_none());
}

#[test]
fn a_figure_is_the_median() {
    let figure = Figure::of(vec![4.0, 1.0, 2.0]).unwrap();
    assert_eq!((figure.median, figure.middle), (2.0, (1.0, 4.0)));
}
