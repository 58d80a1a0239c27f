package main

import (
	"bufio"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
)

// usage is the processor time and the page faults of this process, over all threads.
type usage struct {
	cpuNs, sysNs, minorFaults int64
}

func usageNow() usage {
	var raw syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &raw); err != nil {
		fail(err.Error())
	}
	return usage{raw.Utime.Nano() + raw.Stime.Nano(), raw.Stime.Nano(), raw.Minflt}
}

// residentBytes is exact where the kernel tells it, else as its own counters have it.
func residentBytes() int64 {
	if bytes, found := field("/proc/self/smaps_rollup", "Rss:"); found {
		return bytes
	}
	bytes, _ := field("/proc/self/status", "VmRSS:")
	return bytes
}

func peakBytes() int64 {
	bytes, _ := field("/proc/self/status", "VmHWM:")
	return bytes
}

// field reads the KiB behind a name at the start of a line.
func field(path, name string) (bytes int64, found bool) {
	file, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib * 1024, err == nil
		}
	}
	return 0, false
}

// own is what the collector says of itself.
type own struct {
	Cycles    uint64 `json:"cycles"`
	LongestNs uint64 `json:"longest_ns"`
}

// ownNow reads the runtime's metrics: the longest time that the world was stopped for a collection is
// the upper bound of the last part of the histogram that has a count (debug.ReadGCStats forgets all
// but the last 256 cycles).
func ownNow() own {
	samples := []metrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/sched/pauses/total/gc:seconds"},
	}
	metrics.Read(samples)
	pauses := samples[1].Value.Float64Histogram()
	longest := 0.0
	for n, count := range pauses.Counts {
		if count > 0 {
			longest = pauses.Buckets[n+1]
			if math.IsInf(longest, 1) {
				longest = pauses.Buckets[n]
			}
		}
	}
	return own{samples[0].Value.Uint64(), uint64(longest * 1e9)}
}
