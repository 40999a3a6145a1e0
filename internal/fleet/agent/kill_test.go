package agent_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/objects/objectstest"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// wire is the network between agents and the hub. It can be cut.
type wire struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	cut      bool
	conns    map[net.Conn]bool
}

func newWire(t *testing.T, to string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); w.set(true) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", w.to)
			if err != nil || !w.add(in, out) {
				in.Close()
				continue
			}
			go copyClose(in, out)
			go copyClose(out, in)
		}
	}()
	return w
}

func copyClose(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}

// add notes two connections, unless the network is cut.
func (w *wire) add(in, out net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		out.Close()
		return false
	}
	w.conns[in], w.conns[out] = true, true
	return true
}

// set cuts the network, or restores it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for c := range w.conns {
			c.Close()
		}
		clear(w.conns)
	}
}

// spawn starts a child process, and returns a function that kills it.
func spawn(t *testing.T, p process) (kill func()) {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Env = append(os.Environ(), roleVariable+"="+string(text))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
}

// Whatever is killed, cut, full or sent again, each target is in the result once.
func TestFleetSurvivesKills(t *testing.T) {
	t.Parallel()
	survive(t, nil, effort.Count(10, 200))
}

// Likewise with the results in an object store, which refuses writes and loses answers, too.
func TestFleetObjectsSurviveKills(t *testing.T) {
	t.Parallel()
	survive(t, objectstest.New(t), effort.Count(5, 100))
}

// survive kills, cuts and repeats that many times. Results are in a store, or in a folder if it is nil.
func survive(t *testing.T, store *objectstest.Server, kills int) {
	rng := effort.Rand(t)
	f := newFleet(t, "paris", "tokyo", "lima")
	f.stopHub() // it goes on as a process
	network := newWire(t, f.listen)
	hubProcess := process{Hub: true, Dir: filepath.Join(f.dir, "hub"), Listen: f.listen}
	if store != nil {
		hubProcess.Objects, hubProcess.Credentials = store.URLOf("fleet"), store.Credentials
	}
	ends := map[string]func(){"hub": spawn(t, hubProcess)}
	t.Cleanup(func() {
		for _, kill := range ends {
			kill()
		}
	})
	agents := []string{"paris", "tokyo", "lima"}
	start := func(name string) {
		file := *f.files[name]
		file.Hub = "tls://" + network.listener.Addr().String()
		ends[name] = spawn(t, process{Agent: true, Dir: filepath.Join(f.dir, name), Creds: file})
	}
	c := f.submitter()
	defer c.Close()
	spec := f.spec(c, "45.16.0.0/18", effort.Count(10, 20)*kills)
	j := f.submit(c, spec)
	for _, name := range agents {
		if err := os.MkdirAll(filepath.Join(f.dir, name), 0o700); err != nil { // a fault may come before the agent
			t.Fatal(err)
		}
		start(name)
	}
	count := map[string]int{}
	// The time of a fault is random, and so is its length; nothing is waited for.
	nap := func(least, more int) { time.Sleep(time.Duration(least+rng.IntN(more)) * time.Millisecond) }
	fill := func(name string) {
		mark := filepath.Join(f.dir, name, fullMark)
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		nap(0, 1000)
		if err := os.Remove(mark); err != nil {
			t.Fatal(err)
		}
	}
	order := rng.Perm(kills)
	for i := range kills {
		if store != nil {
			fault := []objectstest.Fault{objectstest.Refuse, objectstest.Full, objectstest.Lose}[rng.IntN(3)]
			store.Fail(fault, 1+rng.IntN(4))
		}
		nap(100, 300)
		switch name := agents[rng.IntN(len(agents))]; order[i] % 8 { // each kind as often
		case 0, 1:
			count["agent killed"]++
			ends[name]()
			start(name)
		case 2:
			count["hub and broker killed"]++
			ends["hub"]()
			ends["hub"] = spawn(t, hubProcess)
		case 3:
			count["network cut"]++
			network.set(true)
			nap(0, 1500)
			network.set(false)
		case 5:
			count["disk of the hub full"]++
			fill("hub")
		case 6:
			count["disk of an agent full"]++
			fill(name)
		case 7:
			count["hub and all agents killed"]++
			for _, kill := range ends {
				kill()
			}
			ends["hub"] = spawn(t, hubProcess)
			for _, name := range agents {
				start(name)
			}
		case 4:
			count["old results sent again"]++
			ends[name]()
			again(t, filepath.Join(f.dir, name))
			start(name)
		}
	}
	var before talk.JobState
	until(t, "the hub is back", func() (ok bool) {
		before, ok = jobState(t, c, j.ID)
		return ok
	})
	s := await(t, c, j.ID)
	all := union(t, c, j.ID)
	if store != nil {
		count["writes of the store failed"] = store.Failed()
	}
	different := len(slices.Compact(slices.Clone(all))) // they are in order
	t.Logf("%d faults: %v; %d records, %d lost, %d doubled; %d slices, %d of them done after the last fault",
		kills, count, len(all), 1<<14-different, len(all)-different, s.Slices, s.Done-before.Done)
	if len(all) != 1<<14 || s.Targets != 1<<14 || s.Sent != 1<<14 {
		t.Errorf("%d records, and the hub counts %d targets; want %d", len(all), s.Targets, 1<<14)
	}
}

// again puts segments back that an agent has sent before, or keeps copies of those that it has now.
func again(t *testing.T, dir string) {
	t.Helper()
	segments, old := filepath.Join(dir, "segments"), filepath.Join(dir, "old")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]string{{segments, old}, {old, segments}} {
		files, err := os.ReadDir(way[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(way[0], file.Name()))
			if err == nil {
				err = os.WriteFile(filepath.Join(way[1], file.Name()), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A hundred agents drain ten thousand slices through the broker.
func TestFleetScale(t *testing.T) {
	agents, slices := effort.Count(20, 100), effort.Count(300, 10_000)
	var names []string
	for i := range agents {
		names = append(names, fmt.Sprint("agent-", i))
	}
	f := newFleet(t, names...)
	f.timing = agent.Timing{} // messages are counted
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/18", slices))
	began := time.Now()
	for _, name := range names {
		f.start(name, &simulated{}, nil)
	}
	s := await(t, c, j.ID)
	took := time.Since(began)
	count, octets := f.hub.Messages()
	t.Logf("%d agents, %d slices in %v: %.0f per second; %.1f messages and %.0f bytes per slice",
		agents, slices, took.Round(time.Millisecond), float64(slices)/took.Seconds(),
		float64(count)/float64(slices), float64(octets)/float64(slices))
	if s.Targets != 1<<14 {
		t.Errorf("%d targets", s.Targets)
	}
}
