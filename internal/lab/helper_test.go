package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// helper starts the test binary as a separate program that uses the lab, in its own process group.
func helper(t *testing.T, kind string, args ...string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	// Unlike other paths to the binary, this one works for every user.
	cmd = exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), envHelper+"="+kind)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(pipe)
}

// startHelper starts the helper and returns the first line that its command writes.
func startHelper(t *testing.T, cmd *exec.Cmd, out *bufio.Reader) string {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := out.ReadString('\n')
	if err != nil {
		if _ = cmd.Wait(); cmd.ProcessState.ExitCode() == statusUnavailable {
			t.Skip("needs user namespaces") // scripts/tested knows this reason
		}
		t.Fatalf("the command did not start: %v", err)
	}
	return strings.TrimSpace(line)
}

// When the parent is killed, all processes of the lab end with it.
func TestParentKilled(t *testing.T) {
	nap := tag()
	cmd, out := helper(t, "run", "sh", "-c", fmt.Sprintf("ip netns add inner; ip netns exec inner setsid sleep %s & "+
		"setsid sleep %[1]s & sleep 0.3; echo ready; sleep %[1]s", nap))
	startHelper(t, cmd, out)
	if all := tagged(nap); len(all) < 5 { // at least the parent, pid 1, sh and two sleeps
		t.Fatalf("only processes %v run", all)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for deadline := time.Now().Add(5 * time.Second); len(tagged(nap)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("processes %v outlive the parent", tagged(nap))
		}
	}
}

// Every signal reaches the command exactly once, whether it is sent to the parent alone or to its
// whole group.
func TestSignals(t *testing.T) {
	for _, sig := range forwarded() {
		for to, name := range map[int]string{1: "process", -1: "group"} {
			number := sig.(syscall.Signal)
			t.Run(unix.SignalName(number)+" to "+name, func(t *testing.T) {
				cmd, out := helper(t, "run", "sh", "-c",
					"n=0; for s in HUP INT QUIT TERM USR1 USR2; do trap \"n=\\$((n+1)); got=$s\" $s; done;"+
						"echo ready; while [ $n = 0 ]; do sleep 0.02; done; sleep 0.1; echo $got $n; exit 42")
				startHelper(t, cmd, out)
				if err := unix.Kill(to*cmd.Process.Pid, number); err != nil {
					t.Fatal(err)
				}
				got, _ := out.ReadString('\n')
				_ = cmd.Wait() // the test checks the status
				want := strings.TrimPrefix(unix.SignalName(number), "SIG") + " 1\n"
				if got != want || cmd.ProcessState.ExitCode() != 42 {
					t.Errorf("command got %q, exit status %d; want %q, 42", got, cmd.ProcessState.ExitCode(), want)
				}
			})
		}
	}
}

func TestMainRunsInside(t *testing.T) {
	cmd, _ := helper(t, "main", "-test.v", "-test.run=X")
	var out bytes.Buffer
	cmd.Stdout = &out
	_ = cmd.Run() // the test checks the status
	if cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("exit status %d, want that of the tests, 3", cmd.ProcessState.ExitCode())
	}
	if _, _, err := runOut(t, Config{Command: sh("exit 0")}); err != nil {
		t.Fatal(err)
	}
	if want := "inside -test.v -test.run=X"; out.String() != want {
		t.Errorf("tests print %q, want %q", out.String(), want)
	}
}

// If namespaces are not available, Run reports that, and Main runs the tests outside. The test
// enters a user namespace, forbids further ones in it (which affects no other process) and drops
// root's capabilities.
func TestUnavailable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become another user")
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skipf("needs setpriv: %v", err)
	}
	for kind, want := range map[string]string{"run": "99", "main": "-c exit 5 3"} {
		cmd, out := helper(t, "run", "sh", "-c", `grep -q 65534 /proc/self/uid_map || exit 1
			echo 0 >/proc/sys/user/max_user_namespaces || exit 1
			mount -t tmpfs bin /mnt && cp /proc/1/exe /mnt/lab || exit 1
			`+envHelper+"="+kind+` setpriv --bounding-set=-all /mnt/lab -c "exit 5" 2>/dev/null
			echo " $?"`)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		if got := startHelper(t, cmd, out); got != want {
			t.Errorf("helper %s prints %q, want %q", kind, got, want)
		}
		_ = cmd.Wait() // the status is that of echo
	}
}

// Without root, the lab uses a user namespace, if the kernel supports them.
func TestUserNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become another user; the other tests show it without")
	}
	cmd, out := helper(t, "run", "sh", "-c", "id -u; ip netns add x && ip netns exec x ip link set lo up && ls /run/netns; exit 5")
	const nobody = 65534
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	if uid := startHelper(t, cmd, out); uid != "0" {
		t.Errorf("user %s inside, want 0", uid)
	}
	if name, _ := out.ReadString('\n'); name != "x\n" {
		t.Errorf("namespace %q, want x", name)
	}
	_ = cmd.Wait() // the test checks the status
	if cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("exit status %d, want 5", cmd.ProcessState.ExitCode())
	}
}
