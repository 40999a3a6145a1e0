// Package bench measures masstrace. Each command below it measures one thing and writes the result
// into a section of RESULTS.md (Keep). The command soak, which runs tests at their full counts,
// writes SOAK.md. The benchmarks of this package itself decode capture files.
package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Machine describes in a few lines of Markdown where and when a result was measured.
func Machine() string {
	var b strings.Builder
	fmt.Fprintf(&b, "- date: %s\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&b, "- processor: %s, %d in use\n", field("/proc/cpuinfo", "model name"), runtime.NumCPU())
	fmt.Fprintf(&b, "- memory: %s\n", field("/proc/meminfo", "MemTotal"))
	fmt.Fprintf(&b, "- kernel: %s\n", text("/proc/sys/kernel/osrelease"))
	fmt.Fprintf(&b, "- Go: %s\n", runtime.Version())
	fmt.Fprintf(&b, "- revision: %s\n", revision())
	return b.String()
}

// field returns the value of the first "name : value" line of a file.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func text(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// revision returns the commit of the work tree.
func revision() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(out))
	changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
	if err == nil && len(changed) > 0 {
		id += " with changes"
	}
	return id
}
