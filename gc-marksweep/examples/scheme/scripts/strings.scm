; Strings: built, cut, counted, sorted.
(define (words text)
  (define out (string-builder))
  (define (flush done)
    (let ((word (builder->string out)))
      (set! out (string-builder))
      (if (string=? word "") done (cons word done))))
  (let loop ((characters (string->list text)) (done '()))
    (cond ((null? characters) (reverse (flush done)))
          ((char-whitespace? (car characters)) (loop (cdr characters) (flush done)))
          (else (builder-add! out (car characters)) (loop (cdr characters) done)))))

(define line "the quick brown fox jumps over the lazy dog and the cat sees the fox ")
(define text
  (let loop ((n (table-ref settings 'lines 100)) (text ""))
    (if (= n 0) text (loop (- n 1) (string-append line text)))))

(define counts (make-table))
(for-each (lambda (word) (table-update! counts word (lambda (n) (+ n 1)) 0)) (words text))
(define sorted
  (sort (table->list counts)
        (lambda (a b) (or (> (cdr a) (cdr b)) (and (= (cdr a) (cdr b)) (string<? (car a) (car b)))))))
(print (string-length text) " characters")
(print (string-join (map (lambda (entry) (string-append (car entry) "=" (number->string (cdr entry)))) sorted) " "))
