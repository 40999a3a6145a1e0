package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sample is the resources of the scan at a time.
type sample struct {
	at                   time.Duration // time since the scan was found
	rss                  uint64        // octets
	threads, descriptors uint64
	goroutines, heap     uint64 // from the scan's last report
}

// most returns the largest value of each field.
func most(list []sample) (m sample) {
	for _, s := range list {
		m.rss, m.heap = max(m.rss, s.rss), max(m.heap, s.heap)
		m.threads, m.descriptors = max(m.threads, s.threads), max(m.descriptors, s.descriptors)
		m.goroutines = max(m.goroutines, s.goroutines)
	}
	return m
}

// looker samples the resources of a scan that runs below a process. It reads the kernel's files and
// the scan's answers to SIGUSR1.
type looker struct {
	ancestor int
	every    time.Duration
	pid      int // pid of the scan, 0 before it is found
	began    time.Time
	samples  []sample

	mu   sync.Mutex
	held sample
	said strings.Builder // the end of the scan's other output
}

func newLooker(ancestor int, every time.Duration) *looker {
	return &looker{ancestor: ancestor, every: every}
}

// run samples until over is closed.
func (l *looker) run(over <-chan struct{}) {
	ticker := time.NewTicker(l.every)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
		}
		if l.pid == 0 {
			if l.pid = l.find(); l.pid == 0 {
				continue
			}
			l.began = time.Now()
		}
		if s, ok := l.look(); ok {
			l.samples = append(l.samples, s)
		}
		_ = syscall.Kill(l.pid, syscall.SIGUSR1) // fails if the scan has ended
	}
}

// find returns the scan's process, 0 if there is none yet.
func (l *looker) find() int {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if args := bytes.Split(line, []byte{0}); err != nil || len(args) < 2 || string(args[1]) != "scan" {
			continue
		}
		for p := pid; p > 1; p = parent(p) {
			if p == l.ancestor {
				return pid
			}
		}
	}
	return 0
}

func parent(pid int) int { return int(field(pid, "PPid:")) }

// field returns a number from a process's status, 0 if there is none.
func field(pid int, name string) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseUint(f[1], 10, 64) // 0 if it is not a number
			return n
		}
	}
	return 0
}

// look returns the scan's resources. ok is false if it has ended, or has not reported anything yet.
func (l *looker) look() (s sample, ok bool) {
	l.mu.Lock()
	s = l.held
	l.mu.Unlock()
	s.at = time.Since(l.began)
	s.rss, s.threads = field(l.pid, "VmRSS:")<<10, field(l.pid, "Threads:")
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.pid))
	s.descriptors = uint64(len(open))
	return s, err == nil && s.rss > 0 && s.goroutines > 0
}

// listen reads the scan's stderr.
func (l *looker) listen(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var h sample
		var windows int
		text := lines.Text()
		_, err := fmt.Sscanf(text, "holds: goroutines %d heap %d windows %d", &h.goroutines, &h.heap, &windows)
		l.mu.Lock()
		if err == nil {
			l.held = h
		} else if !strings.Contains(text, "ETA") {
			l.said.WriteString(text + "\n")
		}
		l.mu.Unlock()
	}
}
