package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// traceConfig returns the configuration of the default flags, numeric.
func traceConfig(method probe.Method, hosts ...string) traceroute.Config {
	c := traceroute.Config{
		Hosts: hosts, Family: traceroute.AnyFamily, Method: method, DstPort: 33434,
		FirstTTL: 1, MaxTTL: peersTTL, Attempts: 3, Flows: 1, Patience: traceroute.Patience{Max: time.Second, Here: 3, Near: 10, Far: 4}, Numeric: true,
	}
	switch method {
	case probe.ICMP:
		c.DstPort = 0
	case probe.TCPSYN:
		c.DstPort = 80
	}
	return c
}

// runTrace runs Trace and returns its output.
func runTrace(t *testing.T, c traceroute.Config) (text string, answered bool) {
	t.Helper()
	lab.Need(t, routers.Name)
	var out bytes.Buffer
	c.Stdout = &out
	answered, err := traceroute.Run(t.Context(), context.Background(), c)
	if err != nil {
		t.Fatalf("trace: %v\n%s", err, out.String())
	}
	return out.String(), answered
}

// records returns a writer of records, for Config.Traces.
func records(out io.Writer) format.Writer { return ndjson.NewWriter(out, ndjson.Config{Bare: true}) }

// runJSON runs a trace, whose hosts answer, and returns its records.
func runJSON(t *testing.T, c traceroute.Config) string {
	t.Helper()
	lab.Need(t, routers.Name)
	var out bytes.Buffer
	c.Traces, c.Stdout = records, &out
	if answered, err := traceroute.Run(t.Context(), context.Background(), c); err != nil || !answered {
		t.Fatalf("trace: answered %t, %v", answered, err)
	}
	return out.String()
}

// rowsOf reads the rows of text as traceroute, mtr and we write them. It returns the responder at
// each TTL, or the zero Addr for a silent TTL.
func rowsOf(t *testing.T, text string) []netip.Addr {
	t.Helper()
	var addrs []netip.Addr
	row := regexp.MustCompile(`^ {0,2}([0-9]+)( |\.\|)`)
	silent := regexp.MustCompile(`^ *([0-9]+)-([0-9]+)  no reply$`)
	for line := range strings.Lines(text) {
		if m := silent.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil { // ours
			first, _ := strconv.Atoi(m[1])
			last, _ := strconv.Atoi(m[2])
			if first != len(addrs)+1 {
				t.Errorf("row %q, want TTL %d", line, len(addrs)+1)
			}
			addrs = append(addrs, make([]netip.Addr, last-first+1)...)
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			continue // a heading
		}
		if ttl, _ := strconv.Atoi(m[1]); ttl != len(addrs)+1 {
			t.Errorf("row %q, want TTL %d", line, len(addrs)+1)
		}
		addr := netip.Addr{}
		for _, word := range strings.Fields(line)[1:] {
			if a, err := netip.ParseAddr(word); err == nil {
				addr = a
				break
			}
		}
		addrs = append(addrs, addr)
	}
	return addrs
}

// Each row of a trace to any target is true.
func TestTrace(t *testing.T) {
	lab.Need(t, routers.Name)
	topology := routers.New()
	for _, method := range []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN} {
		for _, target := range samples(1) {
			addr := netip.MustParseAddr(target)
			truth, _ := topology.Truth(addr)
			if method == probe.TCPSYN && truth.Ending == routers.Reached && truth.Distance != 2 && truth.Distance != 12 {
				continue // no TCP there
			}
			t.Run(method.String()+"/"+target, func(t *testing.T) {
				t.Parallel()
				text, answered := runTrace(t, traceConfig(method, target))
				if answered != (truth.Ending == routers.Reached) {
					t.Errorf("answered: %t, truth is %v", answered, truth.Ending)
				}
				got, want := rowsOf(t, text), truth.Distance
				if truth.Ending == routers.Dropped {
					want = peersTTL
				}
				if len(got) != want || !truth.Allows(got) {
					t.Errorf("%d rows, want %d; truth is one of %v:\n%s", len(got), want, truth.Paths, text)
				}
				checkMarks(t, text, truth.Ending, addr.Is4())
			})
		}
	}
}

// checkMarks checks that each answer in the last row has the right mark.
func checkMarks(t *testing.T, text string, ending routers.Ending, is4 bool) {
	t.Helper()
	text, _, _ = strings.Cut(text, "\n    (") // the verdict
	lines := strings.Split(strings.TrimSpace(text), "\n")
	mark := map[routers.Ending]string{routers.Prohibited: " !X", routers.Unreachable: " !N"}[ending]
	if ending == routers.Unreachable && is4 {
		mark = " !H"
	}
	want := strings.Repeat(`  [0-9]+\.[0-9]{3} ms`+mark, 3) + "$"
	if ending == routers.Dropped {
		want = `^ ?[0-9]+-14  no reply$`
	}
	if last := lines[len(lines)-1]; !regexp.MustCompile(want).MatchString(last) {
		t.Errorf("the last row is %q, want %s", last, want)
	}
}

var peersTargets = []string{"45.16.3.9", "45.48.3.9", "45.80.3.9", "2a00:16:3::9", "2a00:48:3::9", "2a00:80:3::9"}

// Scamper records the same hops as trace --json.
func TestTraceScamper(t *testing.T) {
	needTool(t, "scamper")
	t.Parallel()
	for name, method := range map[string]probe.Method{"udp-paris": probe.UDP, "icmp-paris": probe.ICMP} {
		c := traceConfig(method, peersTargets...)
		c.Attempts, c.Patience = 2, traceroute.Patience{Max: time.Second} // a busy kernel drops a packet now and then
		text := runJSON(t, c)
		args := []string{"-p", "1000", "-O", "json"}
		for _, target := range peersTargets {
			args = append(args, "-I", fmt.Sprintf("trace -P %s -q 2 -w 1 -g 2 -m %d %s", name, peersTTL, target))
		}
		out, err := exec.CommandContext(t.Context(), "scamper", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		theirs := map[netip.Addr]*scamperTrace{}
		for line := range strings.Lines(string(out)) {
			var trace scamperTrace
			if err := json.Unmarshal([]byte(line), &trace); err != nil {
				t.Fatal(err)
			}
			theirs[trace.Dst] = &trace
		}
		for _, trace := range read(t, strings.NewReader(text)).traces {
			compareScamper(t, trace, theirs[trace.Dst])
		}
	}
}

// The record of a trace is the scan's.
func TestTraceJSON(t *testing.T) {
	c := traceConfig(probe.UDP, "45.80.3.9", "2a00:16:3::9")
	c.Flows, c.Attempts = 2, 2
	text := runJSON(t, c)
	lines := strings.Count(text, "\n")
	r := read(t, strings.NewReader(text))
	if len(r.traces) != 4 || lines != 4 {
		t.Fatalf("%d lines, %d traces:\n%s", lines, len(r.traces), text)
	}
	for i, trace := range r.traces {
		want := []string{"45.80.3.9 0", "45.80.3.9 1", "2a00:16:3::9 0", "2a00:16:3::9 1"}[i]
		truth, _ := routers.New().Truth(trace.Dst)
		if got := fmt.Sprint(trace.Dst, " ", trace.UserID); got != want || trace.StopReason != "COMPLETED" ||
			trace.HopCount != truth.Distance || !truth.Allows(responders(trace, truth.Distance)) {
			t.Errorf("record %d: %+v, want %s", i, trace, want)
		}
	}
}

// All branches are shown, and the flows of one keep to it.
func TestTraceFlows(t *testing.T) {
	c := traceConfig(probe.UDP, "45.80.3.9")
	c.Flows = 64 // a branch of three that no flow takes: once in 10^11 runs
	text, answered := runTrace(t, c)
	truth, _ := routers.New().Truth(netip.MustParseAddr("45.80.3.9"))
	for _, ttl := range []int{4, 5, 10} {
		for _, a := range truth.At(ttl) {
			if !regexp.MustCompile(regexp.QuoteMeta(a.String()) + ` +[0-9./]+ ms +[0-9,-]+\n`).MatchString(text) {
				t.Errorf("TTL %d lacks %v", ttl, a)
			}
		}
	}
	if !answered || !regexp.MustCompile(`\n[2-6] paths: flow 0`).MatchString(text) {
		t.Errorf("answered %t:\n%s", answered, text)
	}
}

// Our own addresses are traced to like others.
func TestTraceOurselves(t *testing.T) {
	lab.Need(t, routers.Name)
	source := routers.New().Source()
	for _, host := range []string{"127.0.0.1", "::1", source[0].String(), source[1].String()} {
		for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
			text, answered := runTrace(t, traceConfig(method, host))
			if rows := rowsOf(t, text); !answered || len(rows) != 1 || rows[0].String() != host {
				t.Errorf("%v: answered %t\n%s", method, answered, text)
			}
		}
	}
}

// Two hosts, of which one does not answer: both are shown, in order, and the answer is no.
func TestTraceHosts(t *testing.T) {
	text, answered := runTrace(t, traceConfig(probe.ICMP, "45.128.3.9", "45.16.3.9"))
	if answered || !regexp.MustCompile(`(?s)^traceroute to 45\.128\.3\.9 .*\n\ntraceroute to 45\.16\.3\.9 `).MatchString(text) {
		t.Errorf("answered %t:\n%s", answered, text)
	}
}

// Hosts of a list are traced at the same time, true and in order. A line that is no host is an
// error, and keeps no other from being traced. Each host is another one: traces of one target would
// fill each other's small rings.
func TestTraceList(t *testing.T) {
	var list strings.Builder
	list.WriteString("\ufeff# targets\r\n\r\n")
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprintf([]string{"45.16.3.%d", "2a00:16:3::%x", "45.80.3.%d"}[i%3], 9+i))
		list.WriteString(want[i] + " # comment\r\n")
	}
	list.WriteString("45.16.0.0/16\nno such host\n")
	var failures []string
	var out bytes.Buffer
	c := traceConfig(probe.ICMP)
	c.Lists = []traceroute.List{{Name: "hosts", In: strings.NewReader(list.String())}}
	c.Traces, c.Stdout = records, &out
	c.Failed = func(err error) { failures = append(failures, err.Error()) }
	lab.Need(t, routers.Name)
	answered, err := traceroute.Run(t.Context(), context.Background(), c)
	r := read(t, &out)
	if answered || !isUsage(err) || len(r.traces) != len(want) || len(failures) != 2 ||
		!strings.HasPrefix(failures[0], "hosts:103: ") || !strings.HasPrefix(failures[1], "hosts:104: ") {
		t.Fatalf("answered %t, %v, %d traces, failures %q", answered, err, len(r.traces), failures)
	}
	topology := routers.New()
	for i, trace := range r.traces {
		truth, _ := topology.Truth(trace.Dst)
		if trace.Dst.String() != want[i] || trace.StopReason != "COMPLETED" || !truth.Allows(responders(trace, truth.Distance)) {
			t.Errorf("trace %d: %v %s by %v, want %s", i, trace.Dst, trace.StopReason, responders(trace, truth.Distance), want[i])
		}
	}
}

func TestTraceErrors(t *testing.T) {
	lab.Need(t, routers.Name)
	for _, tt := range []struct {
		change func(*traceroute.Config)
		usage  bool
		text   string
	}{
		{func(c *traceroute.Config) { c.Family = traceroute.IPv6 }, true, "other family"},
		{func(c *traceroute.Config) { c.Source = netip.MustParseAddr("::1") }, true, "different address families"},
		{func(c *traceroute.Config) { c.Interface = "nowhere0" }, false, "nowhere0"},
		{func(c *traceroute.Config) { c.Hosts = []string{"224.0.0.1"} }, false, "multicast"},
		{func(c *traceroute.Config) { c.Hosts = []string{"no..such..host"} }, false, "no such host"},
	} {
		c := traceConfig(probe.UDP, "45.16.3.9")
		c.Stdout = new(bytes.Buffer)
		tt.change(&c)
		_, err := traceroute.Run(t.Context(), context.Background(), c)
		if err == nil || isUsage(err) != tt.usage || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%v; want %q, one of usage: %v", err, tt.text, tt.usage)
		}
	}
}

// With a gap limit, a trace stops at silent TTLs, in text and in records.
func TestTraceGapLimit(t *testing.T) {
	for _, target := range samples(1) {
		addr := netip.MustParseAddr(target)
		truth, _ := routers.New().Truth(addr)
		if truth.Ending != routers.Dropped {
			continue
		}
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			c := traceConfig(probe.UDP, target)
			c.GapLimit = 2
			text, answered := runTrace(t, c)
			last := truth.Distance + 1 // the router that drops is silent too
			if got := rowsOf(t, text); answered || len(got) != last || !truth.Allows(got) ||
				!strings.Contains(text, "\n    (stopped after 2 silent TTLs in a row)\n    (undecided: ") {
				t.Errorf("%d rows, want %d:\n%s", len(got), last, text)
			}
			var out bytes.Buffer
			c.Traces, c.Stdout = records, &out
			if _, err := traceroute.Run(t.Context(), context.Background(), c); err != nil {
				t.Fatal(err)
			}
			if r := read(t, &out); len(r.traces) != 1 || r.traces[0].StopReason != "GAPLIMIT" || r.traces[0].HopCount != last {
				t.Errorf("records %+v, want GAPLIMIT at %d", r.traces, last)
			}
		})
	}
}

// The first signal ends traces at once; all hops so far are written. One target has answered by then,
// which takes a busy machine some time.
func TestTraceInterrupted(t *testing.T) {
	lab.Need(t, routers.Name)
	c := traceConfig(probe.UDP, "45.144.3.9", "45.16.3.9")
	c.Patience = traceroute.Patience{Max: time.Hour} // silence alone ends no trace
	for wait := 400 * time.Millisecond; ; wait *= 2 {
		var out bytes.Buffer
		c.Traces, c.Stdout = records, &out
		interrupted, stop := context.WithTimeout(t.Context(), wait)
		answered, err := traceroute.Run(t.Context(), interrupted, c)
		stop()
		r := read(t, &out)
		if len(r.traces) == 1 && r.traces[0].Dst.String() == c.Hosts[1] { // the other one had not begun
			r.traces = nil
		}
		if err != nil || answered || len(r.traces) > 0 && r.traces[0].StopReason != "HALTED" {
			t.Fatalf("answered %t, %v, traces %+v", answered, err, r.traces)
		}
		if len(r.traces) == 2 && len(r.traces[0].Hops) > 0 && r.traces[1].StopReason == "COMPLETED" {
			return
		}
		if wait > 10*time.Second {
			t.Fatalf("after %v traces %+v", wait, r.traces)
		}
	}
}
