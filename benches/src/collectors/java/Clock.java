/** Times steps, into the slots of the Rust side's Histogram: each doubling in eight parts. */
final class Clock {
    private static final int PART_BITS = 3;
    private static final int PARTS = 1 << PART_BITS;
    private static final int SLOTS = 64 * PARTS;

    private final long[] counts = new long[SLOTS];
    private long longestNs;

    /** Counts a step that began at a reading of {@link System#nanoTime}. */
    void step(long beginNs) {
        long ns = System.nanoTime() - beginNs;
        counts[slot(ns)]++;
        longestNs = Math.max(longestNs, ns);
    }

    private static int slot(long ns) {
        if (ns < PARTS) {
            return (int) ns;
        }
        int log = 63 - Long.numberOfLeadingZeros(ns);
        int part = (int) (ns >> log - PART_BITS) - PARTS;
        return (log - 2) * PARTS + part;
    }

    /** The Rust side's Histogram, as JSON. */
    String json() {
        StringBuilder text = new StringBuilder("{\"counts\":[");
        for (int slot = 0; slot < SLOTS; slot++) {
            text.append(slot == 0 ? "" : ",").append(counts[slot]);
        }
        return text.append("],\"longest_ns\":").append(longestNs).append('}').toString();
    }
}
