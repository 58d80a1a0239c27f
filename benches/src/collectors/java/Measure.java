import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** Runs a program, and tells what it took as the Rust side's Outcome. */
final class Measure {
    /** Linux counts a process's time in hundredths of a second, on every machine that Java is for. */
    private static final long TICK_NS = 10_000_000;

    private Measure() {}

    /**
     * The processor time and the page faults of this process, over all threads: those that compile and
     * collect are among them.
     */
    private record Usage(long userNs, long sysNs, long minorFaults) {
        static Usage now() {
            String text = read("/proc/self/stat");
            // Behind the name, which stands in brackets and may have spaces, the first field is the third.
            String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ");
            return new Usage(
                    Long.parseLong(fields[14 - 3]) * TICK_NS,
                    Long.parseLong(fields[15 - 3]) * TICK_NS,
                    Long.parseLong(fields[10 - 3]));
        }
    }

    static String run(Collectors.Program program, Scale scale) {
        Clock clock = new Clock();
        long beforeBytes = residentBytes();
        Usage before = Usage.now();
        long startNs = System.nanoTime();
        long answer = program.run(scale, clock);
        long wallNs = System.nanoTime() - startNs;
        Usage after = Usage.now();
        long peakBytes = Math.max(0, field("/proc/self/status", "VmHWM:") - beforeBytes);
        long sysNs = after.sysNs - before.sysNs;
        return "{\"answer\":" + Long.toUnsignedString(answer)
                + ",\"wall_ns\":" + wallNs
                + ",\"cpu_ns\":" + (after.userNs - before.userNs + sysNs)
                + ",\"sys_ns\":" + sysNs
                + ",\"minor_faults\":" + (after.minorFaults - before.minorFaults)
                + ",\"peak_bytes\":" + peakBytes
                + ",\"steps\":" + clock.json()
                + ",\"own\":{\"cycles\":" + cycles() + "}}";
    }

    /** Collections of the whole heap by the serial collector; how long each took it does not tell. */
    private static long cycles() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .filter(bean -> bean.getName().equals("MarkSweepCompact"))
                .mapToLong(GarbageCollectorMXBean::getCollectionCount)
                .sum();
    }

    /** Exact where the kernel tells it, else as its own counters have it. */
    private static long residentBytes() {
        long exactBytes = field("/proc/self/smaps_rollup", "Rss:");
        return exactBytes > 0 ? exactBytes : field("/proc/self/status", "VmRSS:");
    }

    /** The bytes behind a name at the start of a line, which has them in KiB; 0 of none. */
    private static long field(String path, String name) {
        return read(path).lines()
                .filter(line -> line.startsWith(name))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
                .findFirst()
                .orElse(0);
    }

    private static String read(String path) {
        try {
            return Files.readString(Path.of(path));
        } catch (IOException none) {
            return "";
        }
    }
}
