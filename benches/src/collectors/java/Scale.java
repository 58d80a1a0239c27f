/** How much of its work a program does, in hundredths. */
record Scale(int percent) {
    int of(int whole) {
        return (int) Math.max(1, (long) whole * percent / 100);
    }

    /** The depth of a tree with about this part of the nodes of one of depth {@code whole}. */
    int depth(int whole) {
        int less = 31 - Integer.numberOfLeadingZeros(100 / percent);
        return Math.max(6, whole - Math.min(whole, less));
    }
}
