package leadmill

import (
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// ofMemory is which part of the memory that the process may have the Go runtime gets, in percent: the rest is for SQLite's pages, for stacks
// of threads and for the program itself.
const ofMemory = 75

// limitMemory has the runtime collect more often before the process has more than ofMemory of what its control group allows, so that a burst
// of requests makes it slower and not killed. The environment's GOMEMLIMIT stands; without a limit of a control group there is none.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := groupLimit(os.ReadFile); limit > 0 {
		debug.SetMemoryLimit(limit / 100 * ofMemory)
	}
}

// unlimited is what version 1 of control groups says in place of "max", or more.
const unlimited = math.MaxInt64 / 2

// groupLimit returns how many bytes the process's control group and those above it allow; 0 when they do not limit it or it is in none. read
// reads a file.
func groupLimit(read func(name string) ([]byte, error)) int64 {
	groups, err := read("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(0)
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, path
		if len(parts) != 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		switch {
		case parts[0] == "0" && parts[1] == "":
		case strings.Contains(","+parts[1]+",", ",memory,"):
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// In a container the path may be that of the host, which is not there: then its own group is the root.
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			if text, err := read(path.Join(root, group, file)); err == nil {
				limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
				if err == nil && limit > 0 && limit < unlimited && (least == 0 || limit < least) {
					least = limit
				}
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}
