package commands

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// Addresses that the exclude files list later are not probed from then on. A wrong file
// changes nothing.
func TestHangup(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	out, list := outFile(t), filepath.Join(t.TempDir(), "exclude")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# nothing yet\n")
	p := start(t, nil, "scan", "45.16.0.0/15", "--exclude="+list, "--strategy=exhaustive", "--rate=200", "--max-ttl=4", "--wait=300ms", "-o", out)
	p.await(" sent ")
	write("45.16.0.0/16\nnonsense\n")
	p.signal(syscall.SIGHUP)
	p.await("masstrace: the exclusions could not be read again and stay the same: " + list + ":2")
	write("45.16.0.0/16\n")
	p.signal(syscall.SIGHUP)
	p.await("newly excluded ranges, not probed from now on: 1")
	from := time.Now()
	p.end(0)

	excluded := netip.MustParsePrefix("45.16.0.0/16")
	r := mustRead(t, out)
	probed, before, others := 0, 0, 0
	for _, trace := range r.traces {
		if !excluded.Contains(trace.Target.Netip()) {
			others++
			continue
		}
		probed++
		if trace.StopReason == record.StopHopLimit {
			t.Errorf("%v: ends as if all TTLs had been probed", trace.Target)
		}
		for _, hop := range trace.Hops {
			tx := time.Unix(0, hop.Sent)
			if tx.After(from) {
				t.Errorf("%v TTL %d: probed %v after the exclusion", trace.Target, hop.TTL, tx.Sub(from))
			}
			if tx.Before(from) {
				before++
			}
		}
	}
	if others != 256 || probed == 0 || probed >= 256 || before == 0 || r.summary.Skipped.Excluded == 0 || !r.summary.Complete {
		t.Errorf("%d traces of excluded targets, %d of others, summary %+v; want some, all, complete", probed, others, r.summary)
	}
}

// Of a list of probes, too.
func TestHangupList(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	dir := t.TempDir()
	list, excludes := filepath.Join(dir, "list"), filepath.Join(dir, "exclude")
	var lines strings.Builder
	for i := range 600 {
		fmt.Fprintf(&lines, "45.16.%d.9,40000,33434,3,udp\n", i%2)
	}
	err := errors.Join(os.WriteFile(list, []byte(lines.String()), 0o600), os.WriteFile(excludes, nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	out := outFile(t)
	p := start(t, nil, "scan", "--probes="+list, "--exclude="+excludes, "--rate=200", "--wait=300ms", "-o", out)
	grown(t, out, 1)
	if err := os.WriteFile(excludes, []byte("45.16.1.0/24"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.await("newly excluded ranges, not probed from now on: 1")
	p.end(0)
	if sum := mustRead(t, out).summary; sum.Sent < 300 || sum.Sent >= 600 {
		t.Errorf("%d probes sent, want those of one target, and some of the other", sum.Sent)
	}
}
