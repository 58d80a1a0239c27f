package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// cpuNs is the processor time of this process, over all threads.
func cpuNs() int64 {
	var raw syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &raw); err != nil {
		fail(err.Error())
	}
	return raw.Utime.Nano() + raw.Stime.Nano()
}

// residentBytes is what the kernel counts of this process.
func residentBytes() int64 {
	file, err := os.Open("/proc/self/smaps_rollup")
	if err != nil {
		fail(err.Error())
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Rss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				fail(err.Error())
			}
			return kib * 1024
		}
	}
	fail("the kernel does not say what is resident")
	return 0
}
