; Planets, as vectors of seven numbers: x y z, vx vy vz, mass.
(define pi 3.141592653589793)
(define solar-mass (* 4 pi pi))
(define year 365.24)
(define (planet x y z vx vy vz mass)
  (vector x y z (* vx year) (* vy year) (* vz year) (* mass solar-mass)))

(define sun (planet 0.0 0.0 0.0 0.0 0.0 0.0 1.0))
(define planets
  (list sun
    (planet 4.84143144246472090 -1.16032004402742839 -0.103622044471123109
            0.00166007664274403694 0.00769901118419740425 -0.0000690460016972063023 0.000954791938424326609)
    (planet 8.34336671824457987 4.12479856412430479 -0.403523417114321381
            -0.00276742510726411110 0.00499852801234917238 0.0000230417297573763929 0.000285885980666130812)
    (planet 12.8943695621391310 -15.1111514016986312 -0.223307578892655734
            0.00296460137564761618 0.00237847173959480950 -0.0000296589568540237556 0.0000436624404335156298)
    (planet 15.3796971148509165 -25.9193146099879641 0.179258772950371181
            0.00268067772490389322 0.00162824170038242295 -0.0000951592254519715870 0.0000515138902046611451)))

(define (mass of) (vector-ref of 6))
(define (add! of index by) (vector-set! of index (+ (vector-ref of index) by)))

(define (momentum axis)
  (fold-left + 0.0 (map (lambda (p) (* (vector-ref p (+ axis 3)) (mass p))) planets)))
(for-each (lambda (axis) (vector-set! sun (+ axis 3) (- (/ (momentum axis) solar-mass)))) '(0 1 2))

(define (distance a b axis) (- (vector-ref a axis) (vector-ref b axis)))
(define (square n) (* n n))
(define (apart a b)
  (+ (square (distance a b 0)) (square (distance a b 1)) (square (distance a b 2))))

(define (energy)
  (let loop ((rest planets) (sum 0.0))
    (if (null? rest) sum
        (let* ((p (car rest))
               (speed (+ (square (vector-ref p 3)) (square (vector-ref p 4)) (square (vector-ref p 5)))))
          (loop (cdr rest)
                (fold-left (lambda (sum q) (- sum (/ (* (mass p) (mass q)) (sqrt (apart p q)))))
                           (+ sum (* 0.5 (mass p) speed))
                           (cdr rest)))))))

(define (pull! a b time)
  (let* ((squared (apart a b)) (strength (/ time (* squared (sqrt squared)))))
    (for-each (lambda (axis)
                (let ((by (* strength (distance a b axis))))
                  (add! a (+ axis 3) (- (* by (mass b))))
                  (add! b (+ axis 3) (* by (mass a)))))
              '(0 1 2))))

; The distances of all three axes are those before the pull: velocities change, places do not.
(define (advance! time)
  (let loop ((rest planets))
    (unless (null? rest)
      (for-each (lambda (other) (pull! (car rest) other time)) (cdr rest))
      (loop (cdr rest))))
  (for-each (lambda (p)
              (for-each (lambda (axis) (add! p axis (* time (vector-ref p (+ axis 3))))) '(0 1 2)))
            planets))

(define (billionths n) (exact (round (* n 1000000000))))
(print (billionths (energy)))
(do ((n 0 (+ n 1))) ((= n (table-ref settings 'steps 1000))) (advance! 0.01))
(print (billionths (energy)))
