package commands

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// simulation is a scan of a simulated Internet, seen from both ends.
type simulation struct {
	*results
	counters internet.Counters
	log      []netsim.Record // of probes, in the order of arrival
}

// simulate scans targets in a simulated Internet of its own.
func simulate(t *testing.T, network string, scan ...string) *simulation {
	t.Helper()
	lab.Need(t, routers.Name)
	dir := t.TempDir()
	out, counters, log := filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "counters.json"), filepath.Join(dir, "log")
	args := append([]string{"lab"}, strings.Fields(network)...)
	ours, err := exec.LookPath(program) // which lab would look for where the test binary is
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "--counters", counters, "--log", log, "--", ours, "scan", "--quiet", "-o", out)
	text, err := exec.CommandContext(t.Context(), ours, append(args, scan...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, text)
	}
	s := &simulation{results: mustRead(t, out), counters: readCounters(t, counters)}
	if s.log, err = readLog(log); err != nil {
		t.Fatal(err)
	}
	return s
}

func readLog(path string) (records []netsim.Record, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := netsim.NewLogReader(f)
	for err == nil {
		var r netsim.Record
		err = in.Next(&r)
		// Our kernel answers noise: with ICMP errors, and TCP resets.
		if err == nil && r.Fate != netsim.ICMPErrorIgnored && r.Protocol != unix.IPPROTO_TCP {
			records = append(records, r)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return records, err
}

// probed names the destinations of one attempt after another.
type probed struct {
	dst   netip.Addr
	first uint32 // ports, or type, code and checksum
	ttl   uint8
}

func (s *simulation) each(f func(p probed, r *netsim.Record)) {
	for i := range s.log {
		r := &s.log[i]
		f(probed{r.Dst(), r.First, r.TTL}, r)
	}
}

// simTargets are of both families, some hundreds, or many thousands.
func simTargets(flags ...string) []string {
	n := strconv.Itoa(effort.Count(128, 20_000))
	return append(flags, "--max-targets="+n, "45.0.0.0/9", "2a00:16::/33")
}

// Where everything answers, everything is answered, and both ends count alike.
func TestInternetClean(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, link string }{{"udp", "veth"}, {"icmp", "veth"}, {"udp", "tun"}} {
		t.Run(tt.method+" "+tt.link, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, "--preset clean --link "+tt.link,
				simTargets("--method", tt.method, "--rate=5k", "--wait=1s")...)
			sum, sim := s.summary, s.counters.Simulator
			if !sum.Complete || sum.Silent+sum.Late+sum.Duplicates+sum.Malformed+sum.Rejected.Total() > 0 {
				t.Errorf("summary %+v; want nothing but answers", sum)
			}
			if s.counters.LostIn+s.counters.LostDelay+s.counters.LostOut > 0 {
				t.Fatalf("the simulator lost packets: %+v", s.counters)
			}
			if got := uint64(len(s.log)); got != sum.Sent || sim["fate answered"] != sum.Answered {
				t.Errorf("simulator saw %d probes and answered %d; we sent %d, answered %d",
					got, sim["fate answered"], sum.Sent, sum.Answered)
			}
			for _, trace := range s.traces {
				for _, hop := range trace.Hops {
					// Of IPv6 routers may quote too little for two tags.
					if hop.Mangled != 0 || hop.Valid != probe.Strong && trace.Target.Is4() {
						t.Errorf("%v TTL %d: %s, mangled %v", trace.Target, hop.TTL, hop.Valid, hop.Mangled.AppendNames(nil))
					}
				}
			}
			reached := 0
			for _, trace := range s.traces {
				if trace.Reached {
					reached++
				}
			}
			if uint64(reached) != sum.Targets {
				t.Errorf("%d of %d targets reached", reached, sum.Targets)
			}
			s.checkStop(t)
		})
	}
}

// checkStop checks that nothing was sent above a target's distance once that was
// known, and everything up to it once. A port unreachable shows the distance by
// the TTL that it quotes; an echo reply that it is not above the TTL sent.
func (s *simulation) checkStop(t *testing.T) {
	t.Helper()
	const known = int64(time.Second / 2) // by then, on the slowest machine
	type news struct {
		at  int64
		end uint8
	}
	told := map[netip.Addr][]news{}
	dist := map[netip.Addr]uint8{}
	times := map[probed]int{}
	above, total := 0, 0
	s.each(func(p probed, r *netsim.Record) {
		total++
		if slices.ContainsFunc(told[p.dst], func(n news) bool { return r.TTL > n.end && r.Time > n.at+known }) {
			above++
		}
		if r.Target && r.Fate == netsim.Answered {
			end := r.TTL
			if r.Answer == netsim.PortUnreach {
				end = r.Dist
			}
			told[p.dst] = append(told[p.dst], news{r.Time, end})
			dist[p.dst] = r.Dist
		}
		p.first = 0
		times[p]++
	})
	if above*100 > total { // a busy machine may hold the sender for longer; without the stop it is half of them
		t.Errorf("%d of %d probes above distances that were known", above, total)
	}
	for dst, d := range dist {
		for ttl := uint8(1); ttl <= d; ttl++ {
			if n := times[probed{dst: dst, ttl: ttl}]; n != 1 {
				t.Errorf("%v TTL %d probed %d times, want once up to %d", dst, ttl, n, d)
			}
		}
	}
	if s.summary.Skipped.Reached == 0 {
		t.Error("nothing was skipped")
	}
}

// Further attempts go only to silent TTLs, and make up for losses.
func TestInternetRetries(t *testing.T) {
	t.Parallel()
	s := simulate(t, "--preset loss", simTargets("--attempts=3", "--rate=5k", "--wait=1s")...)
	answered, attempts := map[probed]bool{}, map[probed]int{}
	s.each(func(p probed, r *netsim.Record) {
		if answered[p] {
			t.Errorf("%v TTL %d was answered and probed again", p.dst, p.ttl)
		}
		answered[p] = r.Fate == netsim.Answered
		attempts[p]++
	})
	silent, retried := 0, 0
	for p, n := range attempts {
		switch {
		case n > 3:
			t.Errorf("%v TTL %d was probed %d times", p.dst, p.ttl, n)
		case n == 3 && !answered[p]:
			silent++
		case !answered[p] && n < 3:
			// The target was found to be nearer meanwhile.
			silent++
		}
		if n > 1 {
			retried++
		}
	}
	sum := s.summary
	if !sum.Complete || uint64(len(s.log)) != sum.Sent || retried == 0 || silent*100 > len(attempts) {
		t.Errorf("%d probed, %d again, %d silent; summary %+v", len(attempts), retried, silent, sum)
	}
	// A tenth of a percent loses three probes in a row at 5 % loss.
	lost := float64(sum.Silent) / float64(sum.Sent)
	if lost < 0.02 || lost > 0.09 {
		t.Errorf("%.1f %% silent, want about 5", 100*lost)
	}
}

// With --no-stop every TTL is probed.
func TestInternetNoStop(t *testing.T) {
	t.Parallel()
	s := simulate(t, "--preset clean", simTargets("--strategy=exhaustive", "--no-stop", "--rate=10k", "--wait=1s")...)
	if sum := s.summary; sum.Sent != sum.Targets*32 || uint64(len(s.log)) != sum.Sent || sum.Skipped.Total() != 0 || !sum.Complete {
		t.Errorf("summary %+v, log of %d; want all sent", sum, len(s.log))
	}
	all := map[probed]bool{}
	s.each(func(p probed, _ *netsim.Record) { all[p] = true })
	if len(all) != len(s.log) {
		t.Errorf("%d probes to %d places", len(s.log), len(all))
	}
}

// On a network like the Internet everything still adds up.
func TestInternetDefault(t *testing.T) {
	t.Parallel()
	s := simulate(t, "--preset default", simTargets("--attempts=2", "--records=both", "--rate=5k")...)
	sum := s.summary
	if !sum.Complete || uint64(len(s.log)) != sum.Sent {
		t.Errorf("log of %d, summary %+v", len(s.log), sum)
	}
	// Some of the conflicts have a record: those in which another reply proved more.
	least := sum.Strong + sum.Weak + sum.Duplicates + sum.Superseded + sum.Late
	if n := uint64(len(s.replies)); n < least || n > least+sum.Rejected.Conflict {
		t.Errorf("%d reply records, want %d to %d; summary %+v", n, least, least+sum.Rejected.Conflict, sum)
	}
}
