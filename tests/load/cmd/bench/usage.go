package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux tells CPU time, the same on every machine that Go runs on.
const tick = 10 * time.Millisecond

// cpuOf is the CPU time, of all threads and in the kernel too, that a process has had. It is 0 where it cannot be known: of a
// process 0, which stands for one elsewhere, and on systems without /proc.
func cpuOf(pid int) (time.Duration, error) {
	text, err := procFile(pid, "stat")
	if text == "" || err != nil {
		return 0, err
	}
	return parseStat(text)
}

// parseStat reads utime and stime of /proc/<pid>/stat. The name of the program stands before them in brackets and may hold
// anything, brackets and spaces too.
func parseStat(text string) (time.Duration, error) {
	const utime, stime = 11, 12 // counted from the state, which follows the name
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= stime {
		return 0, fmt.Errorf("unknown form of /proc/<pid>/stat: %q", text)
	}
	user, err1 := strconv.ParseInt(fields[utime], 10, 64)
	system, err2 := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// forgetPeak makes the present memory of a process its largest so far. Where that cannot be done, the largest since its start
// stays.
func forgetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// peakOf is the largest memory in bytes that a process had in RAM (VmHWM) since forgetPeak; 0 where it cannot be known.
func peakOf(pid int) (int64, error) {
	text, err := procFile(pid, "status")
	if text == "" || err != nil {
		return 0, err
	}
	return parseStatus(text)
}

// parseStatus reads VmHWM of /proc/<pid>/status.
func parseStatus(text string) (int64, error) {
	for line := range strings.Lines(text) {
		value, is := strings.CutPrefix(line, "VmHWM:")
		if !is {
			continue
		}
		kib, is := strings.CutSuffix(strings.TrimSpace(value), " kB")
		n, err := strconv.ParseInt(kib, 10, 64)
		if !is || err != nil {
			return 0, fmt.Errorf("unknown form of VmHWM in /proc/<pid>/status: %q", line)
		}
		return n << 10, nil
	}
	return 0, errors.New("/proc/<pid>/status has no VmHWM")
}

// procFile reads a file of a process, or nothing where there is no /proc.
func procFile(pid int, name string) (string, error) {
	if _, err := os.Stat("/proc/self/" + name); pid == 0 || errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	return string(text), err
}
