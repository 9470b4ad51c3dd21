package leadmill

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheMemoryOfAControlGroup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"none": {nil, 0},
		"version 2, in a container": {map[string]string{
			"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "268435456\n",
		}, 256 << 20},
		"version 2, on the host": {map[string]string{
			"/proc/self/cgroup": "0::/system.slice/leadmill.service\n", "/sys/fs/cgroup/system.slice/leadmill.service/memory.max": "536870912\n",
		}, 512 << 20},
		"version 2, a group above allows less": {map[string]string{
			"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "1000000\n",
		}, 1_000_000},
		"version 2, no limit": {map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n"}, 0},
		"version 1": {map[string]string{
			"/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n",
			"/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "268435456\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes":            "9223372036854771712\n",
		}, 256 << 20},
		"version 1, the host's path in a container": {map[string]string{
			"/proc/self/cgroup": "4:memory:/docker/abc\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
		}, 256 << 20},
		"version 1, no limit": {map[string]string{
			"/proc/self/cgroup": "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"nonsense": {map[string]string{"/proc/self/cgroup": "x\n0::/\n", "/sys/fs/cgroup/memory.max": "-1\n"}, 0},
	} {
		got := groupLimit(func(file string) ([]byte, error) {
			text, ok := c.files[file]
			if !ok {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		})
		assert.Equal(t, c.want, got, name)
	}
}
