; Binary trees: many that die young beside one that lives.
(define (tree depth)
  (if (= depth 0) '(() . ())
      (cons (tree (- depth 1)) (tree (- depth 1)))))
(define (count tree)
  (if (null? (car tree)) 1
      (+ 1 (count (car tree)) (count (cdr tree)))))

(define (run most)
  (let ((lasting (tree most)))
    (print "stretch " (count (tree (+ most 1))))
    (do ((depth 4 (+ depth 4))) ((> depth most))
      (let ((trees (expt 2 (+ (- most depth) 4))))
        (do ((n 0 (+ n 1)) (sum 0 (+ sum (count (tree depth)))))
            ((= n trees) (print trees " trees of depth " depth ": " sum)))))
    (print "lasting " (count lasting))))

; A script before this one may have set the size.
(run (table-ref settings 'depth 12))
