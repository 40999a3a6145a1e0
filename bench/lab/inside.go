package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// inside is the first argument of the part of this command that runs in the lab.
const inside = "inside"

// usage is what a command took, and did to the link.
type usage struct {
	Sent, Received uint64  // packets on the link
	Seconds        float64 // from the first packet sent to the last
	CPU            float64 // seconds, user and system, of the command
	Octets         int64   // of memory, at most
}

// link is the lab's.
const link = "uplink0"

// runInside runs, in the lab,
//
//	blast SECONDS               sends probes as fast as it can
//	measured FILE COMMAND...    runs a command and writes its usage to FILE
func runInside(args []string) error {
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil || !strings.Contains(os.Getenv("MASSTRACE_LAB"), here) {
		return errors.New("refused: not in a lab")
	}
	switch {
	case len(args) == 2 && args[0] == "blast":
		seconds, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return blast(time.Duration(seconds) * time.Second)
	case len(args) > 2 && args[0] == "measured":
		return measured(args[1], args[2:])
	}
	return fmt.Errorf("%s %q is not known", inside, args)
}

// measured runs a command, with our input and output.
func measured(file string, command []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	before := counters()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var u usage
	var first, last time.Time
	previous := before.Sent
	watch := time.NewTicker(5 * time.Millisecond)
	defer watch.Stop()
	for running := true; running; {
		var err error
		select {
		case err = <-ended:
			running = false
		case <-watch.C:
		}
		if err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
		now, at := counters(), time.Now()
		// A packet or two are the kernel's own, who looks for neighbours.
		if sent := now.Sent; sent-previous > 2 {
			if first.IsZero() {
				first = at
			}
			last, previous = at, sent
		}
	}
	after := counters()
	u.Sent, u.Received = after.Sent-before.Sent, after.Received-before.Received
	u.Seconds = last.Sub(first).Seconds()
	u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	u.Octets = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	b, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// counters reads how many packets the link has carried.
func counters() (u usage) {
	u.Sent, u.Received = counter("tx_packets"), counter("rx_packets")
	return u
}

func counter(name string) uint64 {
	b, err := os.ReadFile("/sys/class/net/" + link + "/statistics/" + name)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n
}
