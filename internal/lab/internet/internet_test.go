package internet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/netsim"
)

func TestMain(m *testing.M) {
	lab.Init(Setup())
	os.Exit(m.Run())
}

// inLab runs a shell script behind the link and returns its output.
func inLab(t *testing.T, o Options, script string) string {
	t.Helper()
	option, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status, err := lab.Run(t.Context(), lab.Config{
		Setup: Name, Option: option, Command: []string{"sh", "-ec", script}, Stdout: &out, Stderr: &out,
	})
	if errors.Is(err, lab.ErrUnavailable) {
		t.Skipf("needs namespaces: %v", err)
	}
	if err != nil || status != 0 {
		t.Fatalf("status %d, %v:\n%s", status, err, &out)
	}
	return out.String()
}

// TestLinks pings through both kinds of link and in both families. The simulator must count and log
// exactly the packets that were sent.
func TestLinks(t *testing.T) {
	for _, link := range []string{Veth, Tun} {
		t.Run(link, func(t *testing.T) {
			if link == Tun && os.Geteuid() != 0 {
				t.Skip("needs root, for a tun device")
			}
			o, err := New(link, "clean", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			o.Log, o.Counters = filepath.Join(dir, "log"), filepath.Join(dir, "counters")
			// With -w alone, ping waits for the last answer longer than two round
			// trips.
			out := inLab(t, o, `
				ip -brief link
				ping -n -c 3 -i 0.2 -w 10 45.1.2.3
				ping -n -c 2 -i 0.2 -w 10 2600:1::3`)
			if strings.Count(out, " 0% packet loss") != 2 {
				t.Errorf("pings:\n%s", out)
			}
			for _, line := range strings.Split(out, "\n") {
				if name, _, ok := strings.Cut(line, " "); ok && strings.Contains(line, "<") && !strings.HasPrefix(name, LinkName) && name != "lo" {
					t.Errorf("another link: %s", line)
				}
			}
			checkCounters(t, o.Counters, 5)
			checkLog(t, o, 5)
		})
	}
}

func checkCounters(t *testing.T, path string, answered uint64) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c Counters
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if c.Simulator["answer echo-reply"] != answered || c.LostIn+c.LostDelay+c.LostOut != 0 {
		t.Errorf("counters %+v, want %d echo replies and nothing lost", c, answered)
	}
}

func checkLog(t *testing.T, o Options, echoes int) {
	t.Helper()
	f, err := os.Open(o.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := netsim.NewLogReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if r.Config() != o.Network {
		t.Errorf("log of %+v, want %+v", r.Config(), o.Network)
	}
	n := 0
	for {
		var record netsim.Record
		if err := r.Next(&record); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if record.Answer == netsim.EchoReply {
			n++
		}
	}
	if n != echoes {
		t.Errorf("%d echo replies in the log, want %d", n, echoes)
	}
}

// TestDelay checks that a reply does not arrive before it is due.
func TestDelay(t *testing.T) {
	o, err := New(Veth, "clean", nil, []string{"delay=200ms"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := netsim.NewTruth(o.Network)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := addresses(0)
	f := netsim.EchoFlow(own[0].Addr(), own[0].Addr(), 1, 1)
	f.Dst = mustAddr("45.1.2.3")
	ends := n.AppendEnds(nil, &f)
	if len(ends) == 0 || ends[0].RTT < time.Millisecond {
		t.Fatalf("ends %+v: nothing to see", ends)
	}
	least := ends[0].RTT
	for _, e := range ends {
		least = min(least, e.RTT)
	}
	out := inLab(t, o, "ping -n -c 1 -W 5 45.1.2.3")
	_, after, ok := strings.Cut(out, "time=")
	text, _, _ := strings.Cut(after, " ")
	took, err := time.ParseDuration(text + "ms")
	if !ok || err != nil {
		t.Fatalf("no time in\n%s", out)
	}
	if took < least {
		t.Errorf("answered after %v, due after %v", took, least)
	}
}

func TestBuildErrors(t *testing.T) {
	o, err := New(Veth, "clean", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Log = filepath.Join(t.TempDir(), "missing", "log")
	option, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]string{"a log that cannot be": option, "no link": `{"Link":"string","Network":{}}`, "nothing": ""} {
		status, err := lab.Run(t.Context(), lab.Config{Setup: Name, Option: option, Command: []string{"true"}})
		if errors.Is(err, lab.ErrUnavailable) {
			t.Skipf("needs namespaces: %v", err)
		}
		if err == nil {
			t.Errorf("%s: status %d and no error", name, status)
		}
	}
}

// waiting is a port with packets that nothing has read yet.
type waiting struct {
	packets [][]byte
	sent    int
}

func (w *waiting) receive(handle func(now int64, packet []byte)) int {
	n := min(len(w.packets), maxReceive)
	for _, p := range w.packets[:n] {
		handle(1, p)
	}
	w.packets = w.packets[n:]
	return n
}

func (w *waiting) send([]byte)             { w.sent++ }
func (w *waiting) flush()                  {}
func (w *waiting) wait(int64)              {}
func (w *waiting) drops() (in, out uint64) { return 0, 0 }
func (w *waiting) close()                  {}

// The log has all probes that reached the link, also those that the simulator had no time for
// before the command ended.
func TestPumpEnds(t *testing.T) {
	sim, err := netsim.New(netsim.Default())
	if err != nil {
		t.Fatal(err)
	}
	const probes = 3*maxReceive + 7
	w := new(waiting)
	for i := range byte(probes) {
		// A header and eight octets suffice for the simulator to count it.
		w.packets = append(w.packets, []byte{0x45, 0, 0, 28, 0, i, 0, 0, 1, 17, 0, 0, 192, 0, 2, 2, 45, 1, 2, i, 0, 1, 0, 2, 0, 8, 0, 0})
	}
	n := uint64(len(w.packets))
	p := newPump(sim, w, nil)
	p.over.Store(true) // before it ran at all
	go p.run()
	p.end()
	counters, received := sim.Counters(), uint64(0)
	counters.Each(func(name string, n uint64) {
		if name == "received" {
			received = n
		}
	})
	if received != n || w.sent != 0 {
		t.Errorf("the simulator received %d of %d packets, and sent %d", received, n, w.sent)
	}
}
