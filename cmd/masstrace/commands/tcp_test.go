package commands

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// verified scans targets by TCP in a simulated Internet of its own, has the
// results verified, and returns them.
func verified(t *testing.T, network, method string, scan ...string) (*results, internet.Counters) {
	t.Helper()
	lab.Need(t, routers.Name)
	dir := t.TempDir()
	out, counters, log := filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "counters.json"), filepath.Join(dir, "log")
	args := append([]string{"lab"}, strings.Fields(network)...)
	args = append(args, "--counters", counters, "--log", log, "--", program, "scan", "--quiet",
		"--records=both", "--rate=5k", "--wait=1s", "--method", method, "-o", out)
	for _, args := range [][]string{append(args, simTargets(scan...)...), {"verify", "--log", log, "--counters", counters, out}} {
		if text, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, text)
		}
	}
	c := readCounters(t, counters)
	if c.LostIn+c.LostDelay+c.LostOut > 0 {
		t.Fatalf("the simulator lost packets: %+v", c)
	}
	return mustRead(t, out), c
}

func readCounters(t *testing.T, path string) (c internet.Counters) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// All results of a TCP scan of a simulated Internet are true. In a network where all hosts
// answer, only the answers of half-open connections are missing. A normal run has each method and each
// kind of link, and a network like the Internet; acceptance.TestCells has the other networks.
func TestInternetTCP(t *testing.T) {
	t.Parallel()
	for i, tt := range []struct{ method, network string }{
		{"tcp-ack", "--preset clean"}, {"tcp-syn", "--preset clean --link tun"}, {"tcp-syn", "--preset default"},
		{"tcp-syn", "--preset clean"}, {"tcp-syn", "--preset nat"}, {"tcp-ack", "--preset default"},
	} {
		if i >= 3 && !effort.Soaking() {
			break
		}
		t.Run(tt.method+" "+tt.network, func(t *testing.T) { // one after the other
			r, c := verified(t, tt.network, tt.method, "--flows=2", "--attempts=2")
			sum, sim := r.summary, c.Simulator
			if !sum.Complete || sum.Targets == 0 {
				t.Errorf("summary %+v", sum)
			}
			if !strings.Contains(tt.network, "clean") {
				return
			}
			if sum.Silent != sum.PureACKs || sum.Late+sum.Duplicates+sum.Weak+sum.Malformed+sum.Rejected.Total() > 0 {
				t.Errorf("summary %+v; want strong answers", sum)
			}
			if acks := sim["answer challenge-ack"]; sum.PureACKs != acks {
				t.Errorf("%d pure ACKs, the simulator sent %d", sum.PureACKs, acks)
			}
			if opened := sim["answer syn-ack"]; tt.method == "tcp-ack" && opened+sum.PureACKs > 0 || tt.method == "tcp-syn" && opened == 0 {
				t.Errorf("%d SYN-ACKs, %d pure ACKs", opened, sum.PureACKs)
			}
		})
	}
}

// Half-open connections of a scan are reset, so that they answer the next SYN. The kernel
// does this, or the scan, if the kernel does not have the source address.
func TestInternetResets(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"own source": nil, "foreign source": {"--source=9.9.9.9", "--source=2a05:9::9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, c := verified(t, "--preset clean", "tcp-syn", append(flags, "--strategy=exhaustive", "--no-stop")...)
			sum, sim := r.summary, c.Simulator
			opened, refused := sim["answer syn-ack"]+sim["answer challenge-ack"], sim["fate taken"]
			if refused < opened*99/100 || refused > opened {
				t.Errorf("%d resets of %d that would be in order", refused, opened)
			}
			// Else each open port would do so once.
			if fresh := sim["answer syn-ack"]; fresh < opened/2 {
				t.Errorf("only %d of %d SYNs were answered afresh", fresh, opened)
			}
			if sim["received"] != sum.Sent+refused || sum.Sent != sum.FirstSent {
				t.Errorf("the simulator got %d packets; %d probes and %d resets were sent", sim["received"], sum.Sent, refused)
			}
		})
	}
}
