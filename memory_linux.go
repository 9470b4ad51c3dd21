package leadmill

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetProgram has the kernel take the pages of the program's own file from the process. The start runs and reads most of the program,
// and what serves requests is less than half of it: the kernel brings back from its cache what is used again, and only that counts as
// memory of the process. Where the kernel does not let it, nothing happens.
func forgetProgram() {
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range mappingsOf(name, bytes.NewReader(maps)) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is where in the process a part of a file is.
type mapping struct{ from, to uintptr }

// mappingsOf returns the mappings of a file in smaps, a process's /proc/self/smaps, that are as they are in the file: which nobody may
// write, and of which no page was written before that, as those of relocated addresses are.
func mappingsOf(name string, smaps io.Reader) []mapping {
	var found []mapping
	var now mapping
	of := false // whether the lines are those of now, and it is the file's
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) >= 5 && strings.Contains(words[0], "-"):
			from, to, _ := strings.Cut(words[0], "-")
			start, err1 := strconv.ParseUint(from, 16, 64)
			end, err2 := strconv.ParseUint(to, 16, 64)
			of = err1 == nil && err2 == nil && len(words) == 6 && words[5] == name && !strings.Contains(words[1], "w")
			now = mapping{uintptr(start), uintptr(end)}
		case of && len(words) == 3 && words[0] == "Anonymous:":
			if words[1] == "0" {
				found = append(found, now)
			}
			of = false
		}
	}
	return found
}
