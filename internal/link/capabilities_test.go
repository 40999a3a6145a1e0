package link

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// envRenounce makes the test process itself drop its capabilities.
const envRenounce = "MASSTRACE_TEST_RENOUNCE"

// Every thread drops all capabilities except those kept, including threads made later. None gets a
// capability back, and neither does a program that the process runs.
func TestRenounce(t *testing.T) {
	if os.Getenv(envRenounce) == "" {
		if os.Geteuid() != 0 {
			t.Skip("needs root, to have something to give up")
		}
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestRenounce$", "-test.v")
		cmd.Env = append(os.Environ(), envRenounce+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	var held, released sync.WaitGroup
	released.Add(1)
	for range 8 { // threads
		held.Add(1)
		go func() {
			runtime.LockOSThread()
			held.Done()
			released.Wait()
		}()
	}
	held.Wait()
	const kept = uint64(1) << cap.NET_RAW
	have := effective(t)
	if err := Renounce(cap.NET_RAW); err != nil {
		t.Fatal(err)
	}
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) < 8 {
		t.Fatalf("threads %v, %v", tasks, err)
	}
	for _, path := range tasks {
		checkStatus(t, path, have&kept, kept)
	}
	released.Done()
	out, err := exec.Command("cat", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); name == "CapEff" && parseCaps(t, value)&^kept != 0 {
			t.Errorf("a program that it runs has %s", line)
		}
	}
	// Again, and down to nothing.
	if err := Renounce(); err != nil {
		t.Fatal(err)
	}
	checkStatus(t, "/proc/self/status", 0, kept)
	if err := MayCapture(); err == nil {
		t.Error("may capture without a capability")
	}
}

// effective returns the effective capabilities of the calling thread: bit n is capability n.
func effective(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); name == "CapEff" {
			return parseCaps(t, value)
		}
	}
	t.Fatal("the status names no effective capabilities")
	return 0
}

// checkStatus looks at a thread: it must have those capabilities, and may at most
// get those of bound.
func checkStatus(t *testing.T, path string, want, bound uint64) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		switch name {
		case "CapPrm", "CapEff":
			if got := parseCaps(t, value); got != want {
				t.Errorf("%s: %s, want %x", path, strings.TrimSpace(line), want)
			}
		case "CapBnd", "CapInh", "CapAmb":
			if parseCaps(t, value)&^bound != 0 {
				t.Errorf("%s: %s", path, strings.TrimSpace(line))
			}
		case "NoNewPrivs":
			if value != "1" {
				t.Errorf("%s: no_new_privs is %s", path, value)
			}
		default:
			continue
		}
		seen++
	}
	if seen != 6 {
		t.Errorf("%s has %d of the lines looked for", path, seen)
	}
}

func parseCaps(t *testing.T, text string) (set uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(text, "%x", &set); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return set
}
