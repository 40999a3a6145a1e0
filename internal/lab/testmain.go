package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Environment variables that the lab sets: where the command runs, as "NAME NETNS", and why the
// tests had to run outside.
const (
	envInside = "MASSTRACE_LAB"
	envOut    = "MASSTRACE_LAB_UNAVAILABLE"
)

// Main is for TestMain. It runs the tests of m inside new namespaces, in the network built by the
// first of setups. To do so it runs the test binary again in there, with the same arguments.
//
//	func TestMain(m *testing.M) { os.Exit(lab.Main(m, routers.Setup())) }
//
// Further setups are for tests that call Run. If namespaces are not available, the tests run
// outside, and each test that needs the lab is skipped by Need.
func Main(m interface{ Run() int }, setups ...Setup) (status int) {
	Init(setups...)
	if Inside(setups[0].Name) {
		return m.Run()
	}
	binary, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return statusNoRun
	}
	status, err = Run(context.Background(), Config{
		Setup:   setups[0].Name,
		Command: append([]string{binary}, os.Args[1:]...),
	})
	switch {
	case errors.Is(err, ErrUnavailable):
		os.Setenv(envOut, err.Error())
		return m.Run()
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
	}
	return status
}

// Need skips the test unless it runs in the lab of that name.
func Need(t interface {
	Helper()
	Skipf(format string, args ...any)
}, name string) {
	t.Helper()
	if Inside(name) {
		return
	}
	reason := os.Getenv(envOut)
	if reason == "" {
		reason = "TestMain does not call lab.Main"
	}
	t.Skipf("needs lab %q: %s", name, reason)
}

// NeedTool skips the test if this machine has no program of that name.
func NeedTool(t interface {
	Helper()
	Skipf(format string, args ...any)
}, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s: %v", name, err)
	}
}

// Inside reports whether this process is in a lab of that name, whichever process started this
// one. It goes by the network namespace and not by the name alone, so that a variable which
// leaked to the outside proves nothing.
func Inside(name string) bool {
	here, err := place(name)
	return err == nil && os.Getenv(envInside) == here
}

// place returns where the calling thread is: the name of the lab and its network namespace.
func place(name string) (string, error) {
	ns, err := os.Readlink("/proc/thread-self/ns/net")
	return name + " " + ns, err
}
