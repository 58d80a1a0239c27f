//! What the Scheme has to do, whichever collector it runs on.

use super::collector::Options;
use super::interpreter::Interpreter;
use gc_marksweep::{Mode, Torture};

const MODES: [Mode; 3] = [Mode::StopTheWorld, Mode::Incremental, Mode::Background];

fn output(options: Options, texts: &[&str]) -> String {
    let mut scheme = Interpreter::new(options).expect("an interpreter");
    let mut out = Vec::new();
    for text in texts {
        if let Err(fault) = scheme.run(text, &mut out) {
            out.extend_from_slice(format!("fault: {fault}").as_bytes());
        }
    }
    String::from_utf8(out).expect("text")
}

/// What a program writes, under every mode.
fn writes(text: &str) -> String {
    let all = MODES.map(|mode| output(Options { mode, ..Options::default() }, &[text]));
    assert!(all.iter().all(|out| *out == all[0]), "{all:?}");
    let [first, ..] = all;
    first
}

/// A value, as `write` shows it.
fn value(expression: &str) -> String {
    writes(&format!("(write {expression})"))
}

/// A script under every mode, in torture (with the small size) and without (with the other).
fn script(text: &str, small: (&str, &str), large: (&str, &str)) {
    for mode in MODES {
        for torture in [Torture::Cycles, Torture::Steps] {
            let options = Options { mode, torture, ..Options::default() };
            assert_eq!(output(options, &[small.0, text]), small.1, "{options:?}");
        }
        let options = Options { mode, ..Options::default() };
        assert_eq!(output(options, &[large.0, text]), large.1, "{options:?}");
    }
}

#[test]
fn trees() {
    let small = "stretch 127\n64 trees of depth 4: 1984\nlasting 127\n";
    script(
        include_str!("../../examples/scheme/scripts/trees.scm"),
        ("(table-set! settings 'depth 6)", &small.replace("stretch 127", "stretch 255")),
        (
            "",
            "stretch 16383\n4096 trees of depth 4: 126976\n256 trees of depth 8: 130816\n16 trees of depth 12: 131056\nlasting 8191\n",
        ),
    );
}

#[test]
fn nbody() {
    script(
        include_str!("../../examples/scheme/scripts/nbody.scm"),
        ("(table-set! settings 'steps 5)", "-169075164\n-169074105\n"),
        ("", "-169075164\n-169087605\n"),
    );
}

#[test]
fn json() {
    let out = |length| {
        format!(
            "{{\"name\":\"Ada \\\"L\\\" é\",\"nested\":{{\"f\":false,\"n\":null,\"t\":true}},\"numbers\":[1,-2.5,1000.0,[]]}}\n#t\n#t {length}\n"
        )
    };
    script(
        include_str!("../../examples/scheme/scripts/json.scm"),
        ("(table-set! settings 'rounds 1)", &out(2096)),
        ("", &out(2096)),
    );
}

#[test]
fn strings() {
    let counts = |n: usize| {
        let (four, two) = (4 * n, 2 * n);
        let ones = ["and", "brown", "cat", "dog", "jumps", "lazy", "over", "quick", "sees"];
        let ones: Vec<_> = ones.iter().map(|word| format!("{word}={n}")).collect();
        format!("{} characters\nthe={four} fox={two} {}\n", 69 * n, ones.join(" "))
    };
    script(
        include_str!("../../examples/scheme/scripts/strings.scm"),
        ("(table-set! settings 'lines 3)", &counts(3)),
        ("", &counts(100)),
    );
}

#[test]
fn the_language() {
    for (expression, shown) in [
        ("(let ((x 1) (y 2)) (+ x y))", "3"),
        ("(let* ((x 1) (y (+ x 1))) (list x y))", "(1 2)"),
        (
            "(letrec ((even (lambda (n) (or (= n 0) (odd (- n 1))))) (odd (lambda (n) (and (> n 0) (even (- n 1)))))) (even 101))",
            "#f",
        ),
        ("((lambda (a . rest) (list a rest)) 1 2 3)", "(1 (2 3))"),
        ("((lambda all all))", "()"),
        ("(cond (#f 1) ((assv 2 '((1 . a) (2 . b))) => cdr) (else 3))", "b"),
        ("(case 3 ((1 2) 'low) ((3 4) 'high) (else 'none))", "high"),
        ("(do ((i 0 (+ i 1)) (sum 0 (+ sum i))) ((= i 5) sum))", "10"),
        ("`(1 ,(+ 1 1) ,@(list 3 4) (5 . ,6))", "(1 2 3 4 (5 . 6))"),
        ("(let loop ((n 3) (l '())) (if (= n 0) l (loop (- n 1) (cons n l))))", "(1 2 3)"),
        (
            "(begin (define (counter) (let ((n 0)) (lambda () (set! n (+ n 1)) n))) (let ((a (counter)) (b (counter))) (a) (a) (list (a) (b))))",
            "(3 1)",
        ),
        ("(+ 1 (call/cc (lambda (k) (+ 10 (k 1)))))", "2"),
        (
            "(let ((saved #f) (n 0)) (call/cc (lambda (k) (set! saved k))) (set! n (+ n 1)) (if (< n 3) (saved #f)) n)",
            "3",
        ),
        ("(apply + 1 2 '(3 4))", "10"),
        ("(apply apply (list + (list 1 2)))", "3"),
        ("(map + '(1 2 3) '(10 20 30))", "(11 22 33)"),
        ("(sort '(3 1 2 9 4) <)", "(1 2 3 4 9)"),
        ("(let ((l (list 1 2))) (set-cdr! l 3) l)", "(1 . 3)"),
        ("(equal? '(1 #(2 \"x\")) (list 1 (vector 2 \"x\")))", "#t"),
        (
            "(list 1.5 1e3 -7 (/ 6 3) (/ 1 4) (expt 2 10) (quotient 7 2) (modulo -7 2))",
            "(1.5 1000.0 -7 2 0.25 1024 3 1)",
        ),
        ("(+ 9223372036854775807 1)", "9.223372036854776e18"),
        ("(list \"a\\n\\\"b\\\"\" #\\x 'sym '() #t)", "(\"a\\n\\\"b\\\"\" #\\x sym () #t)"),
        ("(let ((if list)) (if 1 2 3))", "(1 2 3)"),
        ("(let () (define a 1) (define (f) (+ a b)) (define b 2) (f))", "3"),
        (
            "(let ((t (make-table))) (table-set! t 'a 1) (table-set! t \"a\" 2) (list (table-ref t 'a) (table-ref t \"a\") (table-ref t 'b 'none) (table-count t)))",
            "(1 2 none 2)",
        ),
    ] {
        assert_eq!(value(expression), shown, "{expression}");
    }
}

#[test]
fn loops_need_no_room_and_deep_recursion_no_stack() {
    assert_eq!(value("(let loop ((n 1000000)) (if (= n 0) 'done (loop (- n 1))))"), "done");
    let deep = "(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1))))) (write (deep 100000))";
    assert_eq!(writes(deep), "100000");
    let nested = "(define (nest n l) (if (= n 0) l (nest (- n 1) (list l)))) (define a (nest 100000 '())) (write (equal? a (nest 100000 '())))";
    assert_eq!(writes(nested), "#t");
    let circle = "(define l (list 1 2)) (set-cdr! (cdr l) l) (write (list? l)) (display l)";
    assert!(writes(circle).starts_with("#f(1 2 1 2 1"));
}

#[test]
fn faults_say_what_is_wrong() {
    for (text, fault) in [
        ("(car 1)", "car: a pair was expected, got an integer"),
        ("nowhere", "nowhere: unbound variable"),
        ("(set! nowhere 1)", "nowhere: unbound variable"),
        ("(define (f a) a) (f)", "f: takes 1 arguments, got 0"),
        ("(car)", "car: takes 1 arguments, got 0"),
        ("(1 2)", "an integer cannot be called"),
        ("()", "(): a call without a procedure"),
        ("(letrec ((a b) (b 1)) a)", "a variable is used before its definition"),
        ("(vector-ref (vector 1 2) 2)", "vector-ref: 2 is not below 2"),
        ("(quotient 1 0)", "quotient: division by zero"),
        ("(error \"no\" 'luck \"x\")", "error: no luck \"x\""),
        ("(let ((x)) x)", "let: malformed"),
        ("(if)", "if: malformed"),
        (
            "(table-ref (make-table) '(1))",
            "table-ref: a key (a number, symbol, string, character or boolean) was expected, got a pair",
        ),
        ("\n  (a\n (b", "line 3, column 2: ( is not closed"),
        ("1)", "line 1, column 2: ) is not expected here"),
        ("(1 . )", "line 1, column 6: ) is not expected here"),
        ("(display \"x", "line 1, column 10: \" is a string without an end"),
    ] {
        assert_eq!(writes(text), format!("fault: {fault}"), "{text}");
    }
    let deep = format!("{}1{}", "(+ ".repeat(2000), ")".repeat(2000));
    assert_eq!(writes(&deep), "fault: forms are nested too deep");
    // After a fault the interpreter goes on, from the beginning of a form.
    let texts = ["(define x 1) (+ 1 (car x))", "(write x)", "(write (+ 1 2))"];
    let out = output(Options::default(), &texts);
    assert_eq!(out, "fault: car: a pair was expected, got an integer13");
}

#[test]
fn a_full_heap_is_a_fault_and_the_next_program_runs() {
    for mode in MODES {
        let options = Options { mode, limit_bytes: 8 << 20, ..Options::default() };
        let greedy = "(define (grow l) (grow (cons 1 l))) (grow '())";
        let garbage = "(do ((n 0 (+ n 1))) ((= n 300000)) (list n n n))";
        let out = output(options, &[greedy, garbage, "(write 'fine)"]);
        assert_eq!(out, "fault: the heap is fullfine", "{mode:?}");
        let out = output(options, &["(make-vector 100000000000)", "(write 'fine)"]);
        assert_eq!(out, "fault: the heap is fullfine", "{mode:?}");
    }
}

#[test]
fn a_program_sees_its_collector() {
    let text = "(collect) (display (> (cdr (assoc \"cycles\" (heap-stats))) 0))";
    assert_eq!(writes(text), "#t");
    let mut scheme = Interpreter::new(Options::default()).expect("an interpreter");
    let mut out = Vec::new();
    scheme.run_showing("(define x 1) x \"s\"", &mut out).expect("no fault");
    assert_eq!(String::from_utf8_lossy(&out), "1\n\"s\"\n");
    assert!(scheme.run_showing("(list 1", &mut out).is_err_and(|fault| fault.is_unfinished()));
    let before = scheme.cycles();
    scheme.run("(collect)", &mut out).expect("no fault");
    assert_eq!(scheme.cycles(), before + 1);
}
