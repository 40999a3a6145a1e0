package lab

import (
	"os"
	"strings"
	"testing"
)

// inChroot makes a root directory, $1, that is not a mount itself, changes into it, and runs the
// program $2 there. Mounts are shared, so that one that a lab makes for others as well is seen.
const inChroot = `set -e
mount --make-rshared /
for entry in /*; do
	if [ -h "$entry" ]; then cp -d "$entry" "$1$entry"
	elif [ -d "$entry" ]; then mkdir "$1$entry"; mount --rbind "$entry" "$1$entry"
	fi
done
grep -c . /proc/self/mountinfo >"$1/before"
chroot "$1" "$2" sh -c 'echo inside; ls /sys/class/net; ls /run/netns | wc -l; ls -d /proc/1; pwd'
grep -c . /proc/self/mountinfo >"$1/after"
cmp "$1/before" "$1/after"
`

// A lab works after chroot(2), where / cannot be made private, and leaves no mount.
func TestChroot(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envHelper, "run")
	out, status, err := runOut(t, Config{Command: []string{"sh", "-c", inChroot, "sh", t.TempDir(), self}})
	if err != nil || status != 0 || !strings.Contains(out, "inside\nlo\n0\n/proc/1\n/\n") {
		t.Errorf("exit status %d, %v\n%s", status, err, out)
	}
}
