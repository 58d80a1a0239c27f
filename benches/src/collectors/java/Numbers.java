/** The numbers of benches/src/memory/random.rs. */
final class Numbers {
    private long state;

    Numbers(long seed) {
        state = seed * 0x9e3779b97f4a7c15L | 1;
        next();
        next();
    }

    private long next() {
        state = state * 0x5851f42d4c957f2dL + 0x14057b7ef767814fL;
        long mixed = (state ^ state >>> 32) * 0xd6e8feb86659fd93L;
        return mixed ^ mixed >>> 32;
    }

    /** A number below {@code end}, which is above 0. */
    int below(int end) {
        long number = next();
        // The upper half of the product without signs.
        return (int) (Math.multiplyHigh(number, end) + (number >> 63 & end));
    }
}
