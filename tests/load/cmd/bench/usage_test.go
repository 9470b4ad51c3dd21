package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestCPUIsReadBehindAnyName(t *testing.T) {
	t.Parallel()
	const behind = " S 1 2 3 0 -1 4194560 100 200 3 4 1234 66 7 8 20 0 12 0 5555 1000 200"
	for _, name := range []string{"(mysqld)", "(a b)", "(a) b) S 1 2 3)", "()"} {
		if got, err := parseStat("42 " + name + behind + "\n"); err != nil || got != 13*time.Second {
			t.Errorf("%s: %s, %v, want 13 s", name, got, err)
		}
	}
	for _, text := range []string{"", "42 (x) S 1 2", "42 (x) S 1 2 3 0 -1 4194560 100 200 3 4 many 66"} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestMemoryIsRead(t *testing.T) {
	t.Parallel()
	const status = "Name:\tleadmill\nVmPeak:\t 5000000 kB\nVmHWM:\t   98765 kB\nVmRSS:\t   90000 kB\n"
	if got, err := parseStatus(status); err != nil || got != 98765*1024 {
		t.Errorf("%d, %v", got, err)
	}
	for _, text := range []string{"", "VmRSS:\t 1 kB\n", "VmHWM:\t 1 MB\n", "VmHWM:\t much kB\n"} {
		if got, err := parseStatus(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestWhatAProcessUses(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		after, err := cpuOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after >= before+2*tick {
			break
		}
	}
	if after, err := cpuOf(os.Getpid()); err != nil || after < before+2*tick {
		t.Errorf("a minute of work is %s, %v", after-before, err)
	}
	if peak, err := peakOf(os.Getpid()); err != nil || peak < 1<<20 || peak > 1<<40 {
		t.Errorf("the peak is %d, %v", peak, err)
	}
	if cpu, err := cpuOf(0); cpu != 0 || err != nil {
		t.Errorf("of a process elsewhere: %s, %v", cpu, err)
	}
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := cpuOf(gone.Process.Pid); err == nil {
		t.Error("a process that ended has no figures, but no error came")
	}
}

func TestAPeakCanBeForgotten(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/clear_refs"); err != nil {
		t.Skip("there is no /proc here")
	}
	const size = 64 << 20
	// The shell holds the text and gives it back before it says so.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "x=$(head -c 67108864 /dev/zero | tr '\\0' x); unset x; echo ready; read -r line")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	before, err1 := peakOf(cmd.Process.Pid)
	forgetPeak(cmd.Process.Pid)
	after, err2 := peakOf(cmd.Process.Pid)
	if err1 != nil || err2 != nil || before < size || after > size/2 {
		t.Errorf("the peak is %d, then %d; %v, %v", before, after, err1, err2)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // read fails, which is meant
}

func TestMeterSharesOutAmongLeads(t *testing.T) {
	t.Parallel()
	service, server, err := (meter{serviceFrom: -2 * time.Second}).each(1000) // both elsewhere: 0 now
	if err != nil || service != 2*time.Millisecond || server != 0 {
		t.Errorf("%s, %s, %v", service, server, err)
	}
	if got := strings.Join([]string{orDash(0), orDash(time.Millisecond), megabytes(0), megabytes(2e6), whole(0), whole(7.6)}, " "); got != "– 1ms – 2 MB – 8" {
		t.Errorf("written as %s", got)
	}
}
