package commands

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/record"
)

// followScript follows targets until one change is written, is killed, and goes on until as many
// targets as changed are written, or a minute is over. Its command for changes hangs, or fails.
const followScript = `
cd "$1"
moved() { sed -n 's/.*"dsts":\[\([^]]*\)\].*/\1/p' out.ndjson 2>/dev/null | tr , '\n' | sort -u | grep -c . || true; }
await() { n=0; until [ "$(moved)" -ge "$1" ] || [ $n -ge 600 ]; do sleep 0.1; n=$((n+1)); done; }
masstrace follow targets --budget 300 --state state -o out.ndjson -q --on-change 'sleep 1000' & p=$!
await 1
kill -9 $p
wait $p || true
cp out.ndjson killed.ndjson
masstrace follow targets --budget 300 --state state -o out.ndjson --on-change 'cat >> told; exit 7' 2> messages & p=$!
await "$2"
n=0; until ! [ -s told ] || grep -q 'handed over' messages || [ $n -ge 600 ]; do sleep 0.1; n=$((n+1)); done
kill -INT $p
wait $p || echo $? > status
`

// A killed process and the next one write each change of each target once. A command that hangs or
// fails does not end the measurement: its faults are counted, and reported once.
func TestFollowKilled(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	cfg, err := netsim.Preset("clean")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Reroute, cfg.Rerouted = netsim.After(15*time.Second), 0.5
	sim, err := netsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	truth, dir, list := sim.Truth(), t.TempDir(), ""
	want := map[netip.Addr]int{}
	for i := range 20 {
		target := netip.AddrFrom4([4]byte{45, byte(i / 2), byte(8 * (i % 2)), 1})
		list += target.String() + "\n"
		if truth.Reroutes(target) {
			want[target] = 1
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "targets"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "lab", "--preset", "clean", "--set", "reroute=15s", "--set", "rerouted=0.5",
		"--", "sh", "-ec", followScript, "sh", dir, fmt.Sprint(len(want))).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	killed, _ := changesIn(t, filepath.Join(dir, "killed.ndjson"))
	got, sum := changesIn(t, filepath.Join(dir, "out.ndjson"))
	if len(killed) == 0 || len(want) < 4 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("changes of %v, want %v; %v when the process was killed", got, want, killed)
	}
	if sum == nil || sum.Balance() != nil || sum.Traced != 20 || sum.Changes.Paths != uint64(len(want)) || sum.Reason != record.ReasonSignal {
		t.Fatalf("%+v", sum)
	}
	told, _ := os.ReadFile(filepath.Join(dir, "told"))
	messages, _ := os.ReadFile(filepath.Join(dir, "messages"))
	if c := sum.OnChange; c == nil || c.Done != 0 || uint64(bytes.Count(told, []byte{'\n'})) < c.Failed || // none is left on a slow machine
		len(told) > 0 && (c.Failed == 0 || bytes.Count(messages, []byte("a change could not be handed over")) != 1) {
		t.Errorf("%+v; told\n%s\n%s", sum.OnChange, told, messages)
	}
}

// changesIn returns how often each target has changed by an output, and its summary.
func changesIn(t *testing.T, file string) (by map[netip.Addr]int, sum *record.Followed) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	by = map[netip.Addr]int{}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		var line ndjson.ChangeLine
		switch err := json.Unmarshal(s.Bytes(), &line); {
		case err != nil:
			continue // the others have fields of the same names and other types
		case line.Type == ndjson.TypeChange:
			for _, target := range line.Targets {
				by[target]++
			}
		case line.Type == ndjson.TypeFollowed:
			sum = new(record.Followed)
			if err := json.Unmarshal(s.Bytes(), sum); err != nil {
				t.Fatal(err)
			}
		}
	}
	return by, sum
}
