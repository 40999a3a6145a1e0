package commands

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// A suspended scan does not read its ring, which overflows with the replies to another
// scan. The records tell the drops of the kernel apart from silence of the network. The
// probes that waited meanwhile are marked, and other probes are not.
func TestReceiveOverflow(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	const wait = 2 * time.Second
	out := outFile(t)
	p := start(t, nil, "scan", "45.16.0.0/17", "45.144.0.0/17", "--rate=1k", "--wait="+wait.String(), "--receive-buffer=2M", "--strategy=exhaustive", "--no-stop", "--status-every=1s", "-o", out)
	p.await("3s ") // more than the wait, so that some are not awaited any more
	p.signal(syscall.SIGSTOP)
	began := time.Now()
	other := start(t, nil, "scan", "45.16.0.0/12", "--rate=50k", "--wait=100ms", "--max-runtime=3s", "--quiet", "-o", outFile(t))
	<-other.over
	suspended := time.Since(began)
	p.signal(syscall.SIGCONT)
	p.end(0)

	r := mustRead(t, out)
	sum := r.summary
	if err := sum.Balance(); err != nil {
		t.Error(err)
	}
	if sum.Drops.Kernel == 0 {
		t.Fatalf("nothing was dropped: %s", p.said())
	}
	p.says("under drops", "before they could be read: ")
	// Awaited when the process was suspended, or sent while drops were not over.
	most := uint64(1000*(wait+suspended).Seconds()) + 1000 // on a machine that is busy with others
	if by := sum.SilentBy; by.Drops == 0 || by.Drops > most || by.Unknown == 0 {
		t.Errorf("silent by %+v; want up to %d under drops, and others", by, most)
	}
	marked, silent, named := uint64(0), uint64(0), 0
	for _, trace := range r.traces {
		named += notBlamed(t, trace)
		under := map[uint8]bool{}
		for _, ttl := range trace.UnderDrops {
			under[ttl] = true
			marked++
		}
		silent += uint64(len(trace.Silent))
		for _, probe := range trace.Silent {
			delete(under, probe.TTL)
		}
		if len(under) > 0 {
			t.Errorf("%v: under drops at %v, which were not silent", trace.Target, under)
		}
	}
	if marked != sum.SilentBy.Drops || silent != sum.Silent {
		t.Errorf("%d marked in trace-ext, %d silent; summary %+v", marked, silent, sum)
	}
	if named == 0 {
		t.Error("no trace names our own losses")
	}
	t.Logf("%d frames dropped; of %d silent %d under drops, in %d traces", sum.Drops.Kernel, sum.Silent, sum.SilentBy.Drops, named)
}

// notBlamed checks that a trace does not blame the network for our own losses, and returns 1 if it names
// them. All routers of this network answer except r5, without limit and loss. The first targets answer, and
// a router drops the packets to the others.
func notBlamed(t *testing.T, trace *record.Trace) (named int) {
	t.Helper()
	v := &trace.Judged
	for _, c := range v.Conditions {
		if c.Kind != record.OurLoss {
			t.Errorf("%s: condition %s", trace.Target, c.Kind)
		}
		named = 1
	}
	answers := netip.MustParsePrefix("45.16.0.0/17").Contains(trace.Target.Netip())
	switch {
	case named == 0 && answers != (v.Verdict == record.VerdictReached):
		t.Errorf("%s: %s (%s) without losses", trace.Target, v.Verdict, v.Basis)
	case v.Verdict == record.VerdictReached, v.Verdict == record.VerdictUndecided:
	case answers, v.Verdict != record.VerdictNoPath && v.Verdict != record.VerdictHostSilent:
		t.Errorf("%s: %s (%s), with losses under way", trace.Target, v.Verdict, v.Basis)
	}
	return named
}
