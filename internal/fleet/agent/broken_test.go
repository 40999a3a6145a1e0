package agent_test

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/fleet/broker"
	"github.com/masstrace/masstrace/internal/fleet/hub"
)

// breaker is between a broker and its clients, and breaks what a broker promises: it loses messages,
// repeats them at once or much later, and changes their order. It reads the protocol of NATS, which
// is not encrypted here.
type breaker struct {
	listener net.Listener
	to       string

	mu    sync.Mutex // guards what follows
	on    bool
	rng   *rand.Rand
	count map[string]int // faults
}

func newBreaker(t *testing.T, to string) *breaker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &breaker{listener: l, to: to, rng: effort.Rand(t), count: map[string]int{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go b.pump(&lane{to: out}, in)
			go b.pump(&lane{to: in}, out)
		}
	}()
	return b
}

func (b *breaker) url() string { return "nats://" + b.listener.Addr().String() }

// set begins or ends the faults.
func (b *breaker) set(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on = on
}

// faults returns how often each fault was made.
func (b *breaker) faults(kind string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count[kind]
}

// lane is one direction of a connection.
type lane struct {
	to   net.Conn
	held [][]byte // messages that others overtake
	old  [][]byte // the last messages
}

// mostOld is how many messages a lane remembers.
const mostOld = 64

// pump copies a direction of a connection until it ends.
func (b *breaker) pump(l *lane, from net.Conn) {
	defer l.to.Close()
	defer from.Close()
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		out := [][]byte{line}
		if words := bytes.Fields(line); len(words) > 2 && isMessage(string(words[0])) {
			size, err := strconv.Atoi(string(words[len(words)-1]))
			if err != nil {
				return
			}
			m := make([]byte, len(line)+size+len("\r\n"))
			copy(m, line)
			for at := len(line); at < len(m); {
				n, err := r.Read(m[at:])
				if err != nil {
					return
				}
				at += n
			}
			out = b.treat(l, m)
		}
		for _, one := range out {
			if _, err := l.to.Write(one); err != nil {
				return
			}
		}
	}
}

func isMessage(word string) bool {
	return word == "PUB" || word == "HPUB" || word == "MSG" || word == "HMSG"
}

// treat returns the messages that leave when m has come.
func (b *breaker) treat(l *lane, m []byte) (out [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kind, late := "", l.held
	l.held = nil
	if b.on {
		switch n := b.rng.IntN(100); {
		case n < 5:
			kind = "lost"
		case n < 12:
			kind, out = "repeated", append(out, m, m)
		case n < 20:
			kind, l.held = "overtaken", append(l.held, m)
		case n < 28 && len(l.old) > 0:
			kind, out = "repeated later", append(out, m, l.old[b.rng.IntN(len(l.old))])
		}
	}
	if kind == "" {
		out = append(out, m)
	} else {
		b.count[kind]++
	}
	if len(l.old) == mostOld {
		l.old = l.old[1:]
	}
	l.old = append(l.old, m)
	return append(out, late...)
}

// A broker that loses messages, repeats them at once and later, and changes their order, between it
// and the hub and between it and the agents, costs time alone: each target is in the result once, and
// the counts add up.
func TestFleetBrokenBroker(t *testing.T) {
	t.Parallel()
	f, s := newClusterFleet(t, "paris", "tokyo", "lima")
	b := newBreaker(t, s.Addr().String())
	f.stopHub()
	f.change = func(c *hub.Config) { c.Listen, c.Cluster = "", &broker.Cluster{URL: b.url()} }
	f.startHub()
	f.timing.Patience = 250 * time.Millisecond
	c := f.submitter() // its own connection is whole
	defer c.Close()
	slices := effort.Count(40, 3000)
	j := f.submit(c, f.spec(c, "45.16.0.0/20", slices))
	b.set(true)
	for name, file := range f.files {
		file.Hub = b.url()
		f.start(name, &simulated{}, nil)
	}
	st := await(t, c, j.ID)
	b.set(false)
	all := union(t, c, j.ID)
	if len(all) != 1<<12 || st.Targets != 1<<12 || st.Sent != 1<<12 || st.Slices != slices {
		t.Errorf("%d records, state %+v", len(all), st)
	}
	byAgent := 0
	for _, share := range st.ByAgent {
		byAgent += share.Done
	}
	if byAgent != slices {
		t.Errorf("agents have done %d slices, want %d", byAgent, slices)
	}
	// At least four messages of each slice pass twice, so a kind is missing with a probability below 1e-7.
	for _, kind := range []string{"lost", "repeated", "overtaken", "repeated later"} {
		t.Logf("%s: %d", kind, b.faults(kind))
		if b.faults(kind) == 0 {
			t.Errorf("no message was %s", kind)
		}
	}
}
